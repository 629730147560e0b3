#include "tests/conform/pact_cases.h"

namespace bitlathe::conform::pact_cases {

namespace {

std::vector<FixedFactor> factorsOf(const Json& mantissas, const Json& exponents) {
    const std::vector<double> m = flatten(mantissas);
    const std::vector<double> e = flatten(exponents);
    std::vector<FixedFactor> result;
    for (std::size_t i = 0; i < m.size(); ++i) {
        result.push_back({static_cast<std::int32_t>(m[i]), static_cast<int>(e[i])});
    }
    return result;
}

}  // namespace

// Requantization
// -----------------------------------------------------------------------------------------------------
void runDecomposition(Case& item) {
    std::vector<std::int64_t> mantissas;
    std::vector<std::int64_t> exponents;
    for (const double scale : item.input("scale").values) {
        const FixedFactor factor = fixedFactor(static_cast<double>(static_cast<float>(scale)));
        mantissas.push_back(factor.mantissa);
        exponents.push_back(factor.exponent);
    }
    item.checkExact("m0_q31", mantissas);
    item.checkExact("n_exp", exponents);
}

void runRequantization(Case& item) {
    const Tensor acc = item.input("acc");
    const std::vector<FixedFactor> factors = factorsOf(item.inputs()["m0_q31"], item.inputs()["n_exp"]);
    const std::int32_t largest = (1 << item.integer("bits")) - 1;
    const std::vector<Slice> parts =
        factors.size() == 1 ? slices(acc.shape, std::nullopt) : slices(acc.shape, 1);
    std::vector<std::int64_t> q(acc.size());
    for (std::size_t s = 0; s < parts.size(); ++s) {
        for (const std::size_t i : parts[s]) {
            const auto a = static_cast<std::int64_t>(acc.values[i]);
            q[i] = requantize(a, factors[s], largest);
            const int shift = 31 - factors[s].exponent;  // the general rule covers shifts of 1 to 62
            item.require(shift < 1 || shift > 62 ||
                             requantize(a, factors[s], Rounding::Floor, 0, 0, largest) == q[i],
                         "the general requantization rule disagrees");
        }
    }
    item.checkExact("q", q);
    if (item.expects("thresholds")) {
        const Json& wanted = item.expected()["thresholds"];
        for (std::size_t s = 0; s < factors.size(); ++s) {
            const std::vector<std::int64_t> thresholds = requantizationThresholds(factors[s], largest);
            if (!wanted[s].is_null()) {
                item.compare("thresholds of channel " + std::to_string(s), wanted[s],
                             {thresholds.begin(), thresholds.end()}, {});
            }
            for (const std::size_t i : parts[s]) {  // and they must agree with the shift
                const auto a = static_cast<std::int64_t>(acc.values[i]);
                const auto reached = std::count_if(thresholds.begin(), thresholds.end(), [&](std::int64_t t) {
                    return factors[s].mantissa > 0 ? a >= t : a <= t;
                });
                item.require(reached == q[i], "thresholds and shift disagree");
            }
        }
        item.setAside("thresholds", "compared channel by channel");
    }
    for (const char* key :
         {"q_reference_float32", "mismatch_indices_reference", "mismatch_indices_mcu_hi_smull"}) {
        item.setAside(key, "rounding errors of float32 and of a 32-bit multiplier, not of the integers");
    }
}

void runIntegerNetwork(Case& item) {
    const std::vector<NetLayer> layers = layersOf(item.inputs()["layers"]);
    const Json& wantedLayers = item.expected()["layers"];
    Tensor x = item.input("x_int");
    double inputScale = item.inputs()["input_scale"].get<double>();
    const double firstScale = inputScale;
    std::vector<double> logits;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const NetLayer& layer = layers[l];
        const Json& wanted = wantedLayers[l];
        const std::string where = "layer " + std::to_string(l) + " ";
        const WeightScheme scheme = schemeOf(item, layer);
        const WeightCodes w = quantizeWeights(layer.weight, scheme, layer.norm);
        item.compare(where + "weight_int", wanted["weight_int"], {w.codes.begin(), w.codes.end()}, {});
        item.compare(where + "weight_zero_point", wanted["weight_zero_point"],
                     {-static_cast<double>(*std::min_element(w.codes.begin(), w.codes.end()))}, {});
        const QuantizedBias bias =
            biasCodes(realBias(layer.norm, scheme.isFolded, layer.bias), inputScale, w.scale);
        item.compare(where + "bias_int", wanted["bias_int"], {bias.codes.begin(), bias.codes.end()}, {});
        const Tensor codes{layer.weight.shape, {w.codes.begin(), w.codes.end()}};
        const std::vector<double> biasValues(bias.codes.begin(), bias.codes.end());
        if (layer.isLast) {
            const Tensor acc = linear(averagePool(x), codes, biasValues);
            item.compare(where + "acc", wanted["acc"], acc.values, {1e-2, 1e-6});
            logits = acc.values;
            if (wanted.contains("m0_q7")) {
                std::vector<double> mantissas;
                std::vector<double> exponents;
                for (std::size_t c = 0; c < w.scale.size(); ++c) {
                    const FixedFactor factor = fixedFactor(w.scale[c], 7);
                    mantissas.push_back(factor.mantissa);
                    exponents.push_back(factor.exponent);
                    logits[c] = acc.values[c] * value(factor, 7);
                }
                item.compare(where + "m0_q7", wanted["m0_q7"], mantissas, {});
                item.compare(where + "n_exp", wanted["n_exp"], exponents, {});
            }
            break;
        }
        const Tensor acc = conv2d(x, codes, biasValues, samePadding(x, layer));
        item.compare(where + "acc", wanted["acc"], acc.values, {});
        const double steps = (1 << layer.actBits) - 1;
        const double outputScale = layer.alpha / steps;
        const std::vector<Slice> channels = slices(acc.shape, 1);
        Tensor out{acc.shape, std::vector<double>(acc.size())};
        std::vector<double> mantissas;
        std::vector<double> exponents;
        for (std::size_t c = 0; c < channels.size(); ++c) {
            const double weightScale = w.scale[w.scale.size() == 1 ? 0 : c];
            const double factor =
                (scheme.isFolded ? 1.0 : layer.norm.factor(c)) * inputScale * weightScale / outputScale;
            const FixedFactor fixed = fixedFactor(factor);
            if (!scheme.isFolded || c == 0) {
                mantissas.push_back(fixed.mantissa);
                exponents.push_back(fixed.exponent);
            }
            for (const std::size_t i : channels[c]) {
                out.values[i] = requantize(static_cast<std::int64_t>(acc.values[i]), fixed,
                                           static_cast<std::int32_t>(steps));
            }
        }
        // The reference computes its factors in float32: 24 bits of them mean something.
        item.compare(where + "m0_q31", wanted["m0_q31"], mantissas, {0, 4e-7});
        item.compare(where + "n_exp", wanted["n_exp"], exponents, {});
        item.compare(where + "clip", wanted["clip"], {steps}, {});
        item.compare(where + "out", wanted["out"], out.values, {});
        x = out;
        inputScale = outputScale;
    }
    checkShippedIntegers(item, layers, item.input("x_int"), firstScale);
    item.setAside("layers", "compared layer by layer");
    item.check("logits_integer_graph", logits, {1e-2, 1e-5});
    Tensor real = item.input("x_int");
    for (double& value : real.values) {
        value *= firstScale;
    }
    item.check("logits_fake_quant", fakeForward(item, layers, real, firstScale).logits.values, {1e-5, 1e-5});
}

}  // namespace bitlathe::conform::pact_cases
