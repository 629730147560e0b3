#pragma once

// Memory-driven family: what its case files share, and the kinds of case they hold.

#include "core/deploy/requantization.h"
#include "core/graph/graph.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/clipped_activation.h"
#include "core/quantizers/clipped_weights.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/layer_id.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"
#include <algorithm>
#include <cmath>

namespace bitlathe::conform::pact_cases {

using namespace bitlathe::core;

// Weights
// ------------------------------------------------------------------------------------------------------------
/// A number of the file as the float32 it stands for: its decimals lie beside it.
inline double single(const Json& json) {
    return static_cast<double>(json.get<float>());
}

struct Norm {
    std::vector<double> gamma, beta, mean, variance;
    double epsilon = 1e-3;

    Norm() = default;
    explicit Norm(const Json& json)
        : gamma(flatten(json["gamma"])), beta(flatten(json["beta"])), mean(flatten(json["mean"])),
          variance(flatten(json["var"])), epsilon(json.value("eps", 1e-3)) {
        for (std::vector<double>* const values : {&gamma, &beta, &mean, &variance}) {
            for (double& value : *values) {
                value = static_cast<double>(static_cast<float>(value));
            }
        }
    }
    bool empty() const { return gamma.empty(); }
    double factor(std::size_t c) const { return gamma[c] / std::sqrt(variance[c] + epsilon); }
    /// A folded bias as the convolution before the norm adds it; a norm that hands nothing on leaves it.
    double defolded(double folded, std::size_t c) const {
        return factor(c) == 0 ? folded : (folded - beta[c]) / factor(c) + mean[c];
    }
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

inline WeightCodes quantizeWeights(const Tensor& w, const WeightScheme& scheme, const Norm& norm) {
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
inline std::vector<float> realBias(const Norm& norm, bool isFolded, const std::vector<double>& bias) {
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

/// Thousands of steps away from zero a float32 quotient has few digits behind the point: what is a tie to seven
/// digits may round either way.
inline bool isTie(float bias, float step) {
    const double quotient = static_cast<double>(bias) / static_cast<double>(step);
    return std::fabs(quotient - std::floor(quotient) - 0.5) <= 1.2e-7 * std::fabs(quotient);
}

/// The library's codes; at ties as the reference's division in float32 has them.
inline QuantizedBias biasCodes(const std::vector<float>& bias, double inputScale,
                               const std::vector<float>& weightScale) {
    QParams input;
    input.scale = {static_cast<float>(inputScale)};
    QParams weight;
    weight.scale = weightScale;
    QuantizedBias result = quantizedBias(bias, input, weight);
    for (std::size_t c = 0; c < bias.size(); ++c) {
        const float step = result.scale[result.scale.size() == 1 ? 0 : c];
        if (isTie(bias[c], step)) {
            result.codes[c] = static_cast<std::int32_t>(roundTo(bias[c] / step, Rounding::HalfEven));
        }
    }
    return result;
}

inline std::optional<Range> thresholdsOf(const Json& json) {
    if (!json.contains("w_min_thr") || json["w_min_thr"].is_null()) {
        return std::nullopt;
    }
    return Range{single(json["w_min_thr"]), single(json["w_max_thr"])};
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

inline std::vector<NetLayer> layersOf(const Json& list) {
    std::vector<NetLayer> result;
    for (const Json& json : list) {
        NetLayer layer;
        layer.weight = {json["weight"]["shape"].get<std::vector<std::int64_t>>(), flatten(json["weight"])};
        layer.isLast = !json.contains("bn");
        if (!layer.isLast) {
            layer.norm = Norm(json["bn"]);
            layer.alpha = single(json["alpha"]);
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

inline ConvShape samePadding(const Tensor& x, const NetLayer& layer) {
    const std::int64_t kernel = layer.weight.dim(2);
    const std::int64_t out = (x.dim(2) + layer.stride - 1) / layer.stride;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * layer.stride + kernel - x.dim(2));
    return {layer.stride, {total / 2, total / 2, total - total / 2, total - total / 2}, layer.groups};
}

inline Tensor averagePool(const Tensor& x) {
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

inline WeightScheme schemeOf(const Case& item, const NetLayer& layer) {
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

inline Forward fakeForward(const Case& item, const std::vector<NetLayer>& layers, Tensor x,
                           double inputScale) {
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
                bias[c] = layer.norm.defolded(codes.value(c), c);
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

/// The convolutions with their batch norms as the workbench has them; the last layer is left out.
Graph shippedConvolutions(const std::vector<NetLayer>& layers, const Tensor& x);
/// Of the convolution of that number.
LayerId layerName(std::size_t index);

/// The integer network as the workbench deploys it: the lowering's integers and both engines' codes of every
/// convolution against the file's. x: input codes N,C,H,W.
void checkShippedIntegers(Case& item, const std::vector<NetLayer>& layers, const Tensor& x,
                          double inputScale);

void runActivation(Case& item);
void runRelu6(Case& item);
void runInput(Case& item);
void runWeights(Case& item);
void runDecomposition(Case& item);
void runRequantization(Case& item);
void runIntegerNetwork(Case& item);
struct CrossEntropy {
    double mean = 0;
    Tensor gradient;  ///< of the mean, with respect to the logits
};
CrossEntropy crossEntropyOf(const Tensor& logits, const std::vector<double>& target);

/// One step by the library's kernels on what the reference passes them, its defects included.
void runKernelStep(Case& item);
/// Whether the shipped trainer takes this step as the case wants it. It corrects the in-place "reference" variants; a
/// folded layer's thresholds it compares with the folded weights, the case with the unfolded ones; and a channel of
/// weights of one sign gets a grid that holds zero, in the case one that does not.
bool isTrainable(const Case& item);
/// One step by the shipped trainer.
void runTrainedStep(Case& item);

}  // namespace bitlathe::conform::pact_cases
