// Cases of Rusci et al. 2019 (mixed low-precision networks): learned and fixed clips, weight grids and their
// folding, integer requantization, a small network as integers, and one training step. "reference" variants
// are the same kernels on what the reference passes them: the forward output where it overwrote its input,
// the quantized weights where it masks before it restores the real ones.

#include "core/deploy/requantization.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/clipped_activation.h"
#include "core/quantizers/clipped_weights.h"
#include "core/quantizers/fake_quantize.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

constexpr Tolerance kValues{1e-7, 1e-6};
constexpr Tolerance kGradients{1e-6, 1e-5};

// Activations
// --------------------------------------------------------------------------------------------------------

void runActivation(Case& item) {
    const std::vector<float> x = item.floats("x");
    const std::vector<float> upstream = item.floats("grad_out");
    const bool isLearned = item.text("activ_type") == "learned";
    ClippedActivation grid;
    grid.alpha = static_cast<float>(item.number(isLearned ? "alpha" : "clip_val"));
    grid.steps = (1 << item.integer("bits")) - 1;
    grid.rounding = Rounding::Floor;
    grid.mask = isLearned ? ClippedActivation::Mask::Open : ClippedActivation::Mask::Closed;
    std::vector<float> y(x.size());
    std::vector<float> dx(x.size());
    clippedActivation(x, y, grid);
    const double gradientAlpha = clippedActivationBackward(item.flag("inplace") ? y : x, upstream, dx, grid);
    const double scale = static_cast<double>((1.0F / grid.alpha) * static_cast<float>(grid.steps));
    std::vector<std::int64_t> codes;
    for (const float value : y) {
        codes.push_back(std::llround(value * scale));
    }
    // The reference's floor(s * alpha) may fall one short of the top code; ours never does.
    item.check("y", y, kValues);
    item.checkExact("codes", codes);
    item.check("scale", scale, kValues);
    item.check("grad_x", dx, kGradients);
    item.check("grad_alpha", gradientAlpha, kGradients);
}

void runRelu6(Case& item) {
    const Tensor x = item.input("x");
    const Tensor upstream = item.input("grad_out");
    std::vector<double> y;
    std::vector<double> dx;
    for (std::size_t i = 0; i < x.size(); ++i) {
        y.push_back(std::clamp(x.values[i], 0.0, 6.0));
        dx.push_back(x.values[i] > 0 && x.values[i] < 6 ? upstream.values[i] : 0.0);
    }
    item.check("y", y, kValues);
    item.check("grad_x", dx, kGradients);
}

void runInput(Case& item) {
    item.skip("defect of the reference: 8-bit pixels land on exact ties and spread over 257 codes, which 8 "
              "bits cannot hold");
}

// Weights
// ------------------------------------------------------------------------------------------------------------

struct Norm {
    std::vector<double> gamma, beta, mean, variance;
    double epsilon = 1e-3;

    Norm() = default;
    explicit Norm(const Json& json)
        : gamma(flatten(json["gamma"])), beta(flatten(json["beta"])), mean(flatten(json["mean"])),
          variance(flatten(json["var"])), epsilon(json.value("eps", 1e-3)) {}
    bool empty() const { return gamma.empty(); }
    double factor(std::size_t c) const { return gamma[c] / std::sqrt(variance[c] + epsilon); }
};

/// A layer's weights on their grid. `weight` is what the forward pass multiplies with.
struct WeightCodes {
    std::vector<std::int64_t> codes;  ///< centred on real zero
    std::vector<double> weight;       ///< de-folded where the batch norm stays a layer
    std::vector<float> scale;         ///< one, or one per output channel
};

struct WeightScheme {
    std::string quantizer;
    bool isFolded = false;
    int bits = 8;
    std::optional<Range> thresholds;
};

WeightCodes quantizeWeights(const Tensor& w, const WeightScheme& scheme, const Norm& norm) {
    std::vector<float> values = w.floats();
    const std::vector<Slice> channels = slices(w.shape, 0);
    const bool isFolded = scheme.isFolded && !norm.empty();
    if (isFolded) {
        for (std::size_t c = 0; c < channels.size(); ++c) {
            for (const std::size_t i : channels[c]) {
                values[i] = static_cast<float>(values[i] * norm.factor(c));
            }
        }
    }
    const bool isPerChannel = scheme.quantizer == "PerChannelsAsymMinMax";
    WeightCodes result;
    result.codes.resize(values.size());
    result.weight.resize(values.size());
    for (const Slice& slice : isPerChannel ? channels : slices(w.shape, std::nullopt)) {
        const std::vector<float> part = gather(values, slice);
        QParams grid;
        if (scheme.thresholds) {
            grid = clippedWeightGrid(part, *scheme.thresholds, scheme.bits);
        } else {
            const auto [low, high] = std::minmax_element(part.begin(), part.end());
            grid = anchoredGrid({*low, *high}, scheme.bits);
        }
        std::vector<std::int32_t> codes(part.size());
        quantize(part, codes, grid);
        for (std::size_t i = 0; i < slice.size(); ++i) {
            result.codes[slice[i]] = codes[i] - grid.zeroPoint[0];
            result.weight[slice[i]] = static_cast<double>(result.codes[slice[i]]) * grid.scale[0];
        }
        result.scale.push_back(grid.scale[0]);
    }
    for (std::size_t c = 0; isFolded && c < channels.size(); ++c) {
        for (const std::size_t i : channels[c]) {
            result.weight[i] = norm.factor(c) == 0 ? 0.0 : result.weight[i] / norm.factor(c);
        }
    }
    return result;
}

/// The layer's bias before quantization: folded beta - mean r; as integers of their own (ICN) beta / r -
/// mean; without a norm the plain bias.
std::vector<float> realBias(const Norm& norm, bool isFolded, const std::vector<double>& bias) {
    if (norm.empty()) {
        return {bias.begin(), bias.end()};
    }
    std::vector<float> result;
    for (std::size_t c = 0; c < norm.gamma.size(); ++c) {
        const double r = norm.factor(c);
        result.push_back(
            static_cast<float>(isFolded ? norm.beta[c] - norm.mean[c] * r : norm.beta[c] / r - norm.mean[c]));
    }
    return result;
}

QuantizedBias biasCodes(const std::vector<float>& bias, double inputScale,
                        const std::vector<float>& weightScale) {
    QParams input;
    input.scale = {static_cast<float>(inputScale)};
    QParams weight;
    weight.scale = weightScale;
    return quantizedBias(bias, input, weight);
}

/// Codes equal, or one apart where the quotient lies within 1e-6 of a tie (the file's own rule).
void checkCodes(Case& item, const std::string& what, const Json& expected,
                const std::vector<std::int64_t>& got, const Tensor& w, const std::vector<float>& scale) {
    const std::vector<double> wanted = flatten(expected);
    item.require(wanted.size() == got.size(), what + ": wrong number of codes");
    const std::size_t perChannel = got.size() / scale.size();
    for (std::size_t i = 0; i < got.size() && i < wanted.size(); ++i) {
        const double quotient = w.values[i] / scale[i / perChannel];
        const bool isTie = std::fabs(std::fabs(quotient - std::floor(quotient)) - 0.5) < 1e-6;
        item.require(static_cast<double>(got[i]) == wanted[i] ||
                         (isTie && std::fabs(static_cast<double>(got[i]) - wanted[i]) <= 1),
                     what + "[" + std::to_string(i) + "] = " + std::to_string(got[i]) + ", expected " +
                         std::to_string(wanted[i]));
    }
}

std::optional<Range> thresholdsOf(const Json& json) {
    if (!json.contains("w_min_thr") || json["w_min_thr"].is_null()) {
        return std::nullopt;
    }
    return Range{json["w_min_thr"].get<double>(), json["w_max_thr"].get<double>()};
}

void runWeights(Case& item) {
    const Tensor w = item.input("weight");
    const Norm norm = item.hasInput("bn") ? Norm(item.inputs()["bn"]) : Norm();
    const WeightScheme scheme{item.text("quantizer"), item.text("fold_type") == "folding_weights",
                              item.integer("bits"), thresholdsOf(item.params())};
    const WeightCodes q = quantizeWeights(w, scheme, norm);
    Tensor folded = w;
    if (scheme.isFolded) {
        const std::vector<Slice> channels = slices(w.shape, 0);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            for (const std::size_t i : channels[c]) {
                folded.values[i] *= norm.factor(c);
            }
        }
    }
    checkCodes(item, "weight_int", item.expected()["weight_int"], q.codes, folded, q.scale);
    item.setAside("weight_int", "compared with the file's rule for ties");
    item.check("weight_q", q.weight, kValues);
    if (scheme.isFolded) {
        const std::vector<float> bias = realBias(norm, true, {});
        const QuantizedBias codes = biasCodes(bias, item.number("input_scale"), q.scale);
        item.checkExact("bias_int", {codes.codes.begin(), codes.codes.end()});
        std::vector<double> effective;
        for (std::size_t c = 0; c < bias.size(); ++c) {
            effective.push_back((codes.value(c) - norm.beta[c]) / norm.factor(c) + norm.mean[c]);
        }
        item.check("bias_q", effective, {1e-6, 1e-5});  // a difference of numbers a thousand times larger
    } else {
        item.setAside("bias_int", "the case does not give its batch norm");
    }
    const std::vector<float> upstream = item.floats("grad_weight_q");
    std::vector<float> dw = upstream;
    if (!scheme.thresholds) {
        item.check("grad_weight", dw, kGradients);
        return;
    }
    if (item.hasParam("init_w_min") && !scheme.isFolded) {
        const Range start = projectedThresholds(w.floats(), scheme.bits);
        item.compare("initial lower threshold", item.params()["init_w_min"], {start.lower}, {1e-6, 1e-5});
        item.compare("initial upper threshold", item.params()["init_w_max"], {start.upper}, {1e-6, 1e-5});
    }
    const std::vector<float> real = w.floats();
    const ThresholdGradient sums = clippedWeightsBackward(real, upstream, dw, *scheme.thresholds);
    item.check("grad_w_min", sums.lower, kGradients);
    item.check("grad_w_max", sums.upper, kGradients);
    item.check("clean_grad_w_min", sums.lower, kGradients);
    item.check("clean_grad_w_max", sums.upper, kGradients);
    item.check("clean_grad_weight", dw, kGradients);
    // The reference masks with the quantized weights.
    const std::vector<float> quantized(q.weight.begin(), q.weight.end());
    clippedWeightsBackward(quantized, upstream, dw, *scheme.thresholds);
    item.check("grad_weight", dw, kGradients);
}

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

std::vector<FixedFactor> factorsOf(const Json& mantissas, const Json& exponents) {
    const std::vector<double> m = flatten(mantissas);
    const std::vector<double> e = flatten(exponents);
    std::vector<FixedFactor> result;
    for (std::size_t i = 0; i < m.size(); ++i) {
        result.push_back({static_cast<std::int32_t>(m[i]), static_cast<int>(e[i])});
    }
    return result;
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
            q[i] = requantize(static_cast<std::int64_t>(acc.values[i]), factors[s], largest);
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

// Networks
// -----------------------------------------------------------------------------------------------------------

struct NetLayer {
    Tensor weight;
    Norm norm;
    std::vector<double> bias;
    double alpha = 0;
    int actBits = 8;
    std::int64_t stride = 1, groups = 1;
    std::optional<Range> thresholds;
    bool isLast = false;
};

std::vector<NetLayer> layersOf(const Json& list) {
    std::vector<NetLayer> result;
    for (const Json& json : list) {
        NetLayer layer;
        layer.weight = {json["weight"]["shape"].get<std::vector<std::int64_t>>(), flatten(json["weight"])};
        layer.isLast = !json.contains("bn");
        if (!layer.isLast) {
            layer.norm = Norm(json["bn"]);
            layer.alpha = json["alpha"].get<double>();
            layer.actBits = json["act_bits"].get<int>();
            layer.stride = json["stride"].get<std::int64_t>();
            layer.groups = json["groups"].get<std::int64_t>();
        }
        if (json.contains("bias")) {
            layer.bias = flatten(json["bias"]);
        }
        layer.thresholds = thresholdsOf(json);
        result.push_back(layer);
    }
    return result;
}

ConvShape samePadding(const Tensor& x, const NetLayer& layer) {
    const std::int64_t kernel = layer.weight.dim(2);
    const std::int64_t out = (x.dim(2) + layer.stride - 1) / layer.stride;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * layer.stride + kernel - x.dim(2));
    return {layer.stride, {total / 2, total / 2, total - total / 2, total - total / 2}, layer.groups};
}

Tensor averagePool(const Tensor& x) {
    std::vector<double> means;
    for (const Slice& plane : slices({x.dim(0) * x.dim(1), x.dim(2) * x.dim(3)}, 0)) {
        double sum = 0;
        for (const std::size_t i : plane) {
            sum += x.values[i];
        }
        means.push_back(sum / static_cast<double>(plane.size()));
    }
    return {{x.dim(0), x.dim(1)}, means};
}

WeightScheme schemeOf(const Case& item, const NetLayer& layer) {
    return {item.text("quantizer"), item.text("fold_type") == "folding_weights", item.integer("weight_bits"),
            layer.thresholds};
}

/// Everything the fake-quantized forward pass leaves behind.
struct Forward {
    struct Layer {
        WeightCodes weights;
        Tensor input, beforeActivation, output;
        ConvShape shape;
        ClippedActivation grid;
        double inputScale = 1;
    };
    std::vector<Layer> layers;
    Tensor logits;
};

Forward fakeForward(const Case& item, const std::vector<NetLayer>& layers, Tensor x, double inputScale) {
    Forward forward;
    for (const NetLayer& layer : layers) {
        Forward::Layer state;
        const WeightScheme scheme = schemeOf(item, layer);
        state.weights = quantizeWeights(layer.weight, scheme, layer.norm);
        state.inputScale = inputScale;
        if (layer.isLast) {
            state.input = averagePool(x);
            const QuantizedBias bias =
                biasCodes(realBias({}, false, layer.bias), inputScale, state.weights.scale);
            std::vector<double> values;
            for (std::size_t c = 0; c < bias.codes.size(); ++c) {
                values.push_back(static_cast<double>(bias.codes[c]) *
                                 bias.scale[bias.scale.size() == 1 ? 0 : c]);
            }
            forward.logits = linear(state.input, {layer.weight.shape, state.weights.weight}, values);
            forward.layers.push_back(state);
            break;
        }
        state.input = x;
        state.shape = samePadding(x, layer);
        std::vector<double> bias(layer.norm.gamma.size(), 0.0);
        if (scheme.isFolded) {
            const QuantizedBias codes =
                biasCodes(realBias(layer.norm, true, {}), inputScale, state.weights.scale);
            for (std::size_t c = 0; c < bias.size(); ++c) {
                bias[c] = (codes.value(c) - layer.norm.beta[c]) / layer.norm.factor(c) + layer.norm.mean[c];
            }
        }
        Tensor y = conv2d(x, {layer.weight.shape, state.weights.weight}, bias, state.shape);
        const std::vector<Slice> channels = slices(y.shape, 1);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            for (const std::size_t i : channels[c]) {
                y.values[i] = (y.values[i] - layer.norm.mean[c]) * layer.norm.factor(c) + layer.norm.beta[c];
            }
        }
        state.beforeActivation = y;
        state.grid.alpha = static_cast<float>(layer.alpha);
        state.grid.steps = (1 << layer.actBits) - 1;
        state.grid.rounding = Rounding::Floor;
        state.grid.mask = ClippedActivation::Mask::Open;
        std::vector<float> out(y.size());
        clippedActivation(y.floats(), out, state.grid);
        state.output = fromFloats(y.shape, out);
        x = state.output;
        inputScale = layer.alpha / state.grid.steps;
        forward.layers.push_back(state);
    }
    return forward;
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
    item.setAside("layers", "compared layer by layer");
    item.check("logits_integer_graph", logits, {1e-2, 1e-5});
    Tensor real = item.input("x_int");
    for (double& value : real.values) {
        value *= firstScale;
    }
    item.check("logits_fake_quant", fakeForward(item, layers, real, firstScale).logits.values, {1e-5, 1e-5});
}

void runTrainingStep(Case& item) {
    const std::vector<NetLayer> layers = layersOf(item.inputs()["layers"]);
    const bool isReference = item.text("variant") == "reference";
    const Tensor x = item.input("x");
    const Forward forward =
        fakeForward(item, layers, x,
                    item.hasInput("input_scale") ? item.inputs()["input_scale"].get<double>() : 2.0 / 255.0);
    const Json& wanted = item.expected()["layers"];
    const std::vector<double> target = flatten(item.inputs()["target"]);
    const std::size_t classes = static_cast<std::size_t>(forward.logits.dim(1));
    Tensor upstream = forward.logits;
    double loss = 0;
    for (std::size_t n = 0; n < target.size(); ++n) {
        double* const row = upstream.values.data() + n * classes;
        const double largest = *std::max_element(row, row + classes);
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            sum += std::exp(row[c] - largest);
        }
        loss += (std::log(sum) + largest - row[static_cast<std::size_t>(target[n])]) /
                static_cast<double>(target.size());
        for (std::size_t c = 0; c < classes; ++c) {
            const double probability = std::exp(row[c] - largest) / sum;
            row[c] = (probability - (c == static_cast<std::size_t>(target[n]) ? 1.0 : 0.0)) /
                     static_cast<double>(target.size());
        }
    }
    for (std::size_t l = 0; l < layers.size(); ++l) {
        item.compare("layer " + std::to_string(l) + " weight_q", wanted[l]["weight_q"],
                     forward.layers[l].weights.weight, {1e-6, 1e-5});
    }
    item.check("logits", forward.logits.values, {1e-5, 1e-5});
    item.check("loss", loss, {1e-5, 1e-5});
    constexpr Tolerance kStep{2e-6, 5e-5};  // gradients pass four layers of float32 in the reference
    for (std::size_t l = layers.size(); l-- > 0;) {
        const NetLayer& layer = layers[l];
        const Forward::Layer& state = forward.layers[l];
        const std::string where = "layer " + std::to_string(l) + " ";
        const std::vector<double>& weights = state.weights.weight;
        const Tensor wq{layer.weight.shape, weights};
        Tensor dw;
        if (layer.isLast) {
            const auto features = static_cast<std::size_t>(layer.weight.dim(1));
            dw = {layer.weight.shape, std::vector<double>(layer.weight.size(), 0.0)};
            std::vector<double> db(classes, 0.0);
            Tensor dPool{state.input.shape, std::vector<double>(state.input.size(), 0.0)};
            for (std::size_t n = 0; n < target.size(); ++n) {
                for (std::size_t c = 0; c < classes; ++c) {
                    const double g = upstream.values[n * classes + c];
                    db[c] += g;
                    for (std::size_t f = 0; f < features; ++f) {
                        dw.values[c * features + f] += g * state.input.values[n * features + f];
                        dPool.values[n * features + f] += g * weights[c * features + f];
                    }
                }
            }
            item.compare(where + "grad_bias", wanted[l]["grad_bias"], db, kStep);
            const Tensor& before = forward.layers[l - 1].output;
            const std::size_t plane = before.size() / state.input.size();
            upstream = {before.shape, {}};
            for (std::size_t i = 0; i < before.size(); ++i) {
                upstream.values.push_back(dPool.values[i / plane] / static_cast<double>(plane));
            }
        } else {
            const std::vector<float> at = (isReference ? state.output : state.beforeActivation).floats();
            std::vector<float> dActivation(at.size());
            const double dAlpha = clippedActivationBackward(at, upstream.floats(), dActivation, state.grid);
            item.compare(where + "grad_alpha", wanted[l]["grad_alpha"], {dAlpha}, kStep);
            Tensor dy = fromFloats(upstream.shape, dActivation);
            const std::vector<Slice> channels = slices(dy.shape, 1);
            for (std::size_t c = 0; c < channels.size(); ++c) {
                for (const std::size_t i : channels[c]) {
                    dy.values[i] *= layer.norm.factor(c);
                }
            }
            dw = conv2dGradientWeight(dy, state.input, layer.weight.shape, state.shape);
            upstream = conv2dGradientInput(dy, wq, state.input.shape, state.shape);
        }
        std::vector<float> gradient = dw.floats();
        if (layer.thresholds) {
            const std::vector<float> real = layer.weight.floats();
            std::vector<float> masked(gradient.size());
            const ThresholdGradient sums = clippedWeightsBackward(real, gradient, masked, *layer.thresholds);
            item.compare(where + "grad_w_min", wanted[l]["grad_w_min"], {sums.lower}, kStep);
            item.compare(where + "grad_w_max", wanted[l]["grad_w_max"], {sums.upper}, kStep);
            if (isReference) {
                const std::vector<float> quantized(weights.begin(), weights.end());
                clippedWeightsBackward(quantized, gradient, masked, *layer.thresholds);
            }
            gradient = masked;
        }
        item.compare(where + "grad_weight", wanted[l]["grad_weight"], {gradient.begin(), gradient.end()},
                     kStep);
    }
    item.setAside("layers", "compared layer by layer");
}

}  // namespace

std::vector<Kind> pactKinds() {
    return {
        {"requantization", [](const Case& c) { return c.hasInput("acc") && c.hasInput("m0_q31"); },
         runRequantization},
        {"scale decomposition", [](const Case& c) { return c.expects("m0_q31"); }, runDecomposition},
        {"network input", [](const Case& c) { return c.text("quantizer") == "network input"; }, runInput},
        {"ReLU6", [](const Case& c) { return c.text("quantizer") == "ReLU6"; }, runRelu6},
        {"clipped activation",
         [](const Case& c) { return c.hasParam("activ_type") && c.hasInput("grad_out"); }, runActivation},
        {"weights", [](const Case& c) { return c.hasInput("grad_weight_q"); }, runWeights},
        {"integer network", [](const Case& c) { return c.hasInput("x_int"); }, runIntegerNetwork},
        {"training step", [](const Case& c) { return c.hasInput("target") && c.hasInput("layers"); },
         runTrainingStep},
    };
}

}  // namespace bitlathe::conform
