#include "tests/conform/power_of_two_cases.h"

namespace bitlathe::conform::power_of_two_cases {

namespace {

/// Through the library's folding; a transposed convolution has its output channels second and is turned round
/// for it.
Merged merge(const Case& item, const std::string& weightKey, const std::string& biasKey,
             const std::string& norm, const std::vector<const char*>& names, bool isTransposed) {
    const Tensor w = item.input(weightKey);
    const auto vector = [&](const std::string& key) {
        const std::vector<float> values = item.floats(key);
        return FloatTensor({static_cast<std::int64_t>(values.size())}, values);
    };
    const std::size_t outAxis = isTransposed ? 1 : 0;
    const std::vector<Slice> channels = slices(w.shape, static_cast<int>(outAxis));
    const std::int64_t perChannel = static_cast<std::int64_t>(channels.front().size());
    std::vector<float> turned;
    const std::vector<float> values = w.floats();
    for (const Slice& channel : channels) {
        for (const std::size_t i : channel) {
            turned.push_back(values[i]);
        }
    }
    Conv2dOp conv;
    conv.weight = FloatTensor({static_cast<std::int64_t>(channels.size()), perChannel, 1, 1}, turned);
    if (item.hasInput(biasKey)) {
        conv.bias = vector(biasKey);
    }
    Graph graph;
    const NodeId input = graph.append("input", InputOp{}, {});
    const NodeId convId = graph.append("conv", conv, {input});
    const BatchNormOp op{vector(norm + names[0]), vector(norm + names[1]),     vector(norm + names[2]),
                         vector(norm + names[3]), item.number("bn_eps", 1e-5), 0.1};
    graph.output = graph.append("bn", op, {convId});
    inferShapes(graph, {1, perChannel, 1, 1});
    Merged result;
    const Graph folded = foldBatchNorm(graph);
    for (const Node& node : folded.nodes) {
        if (const auto* merged = std::get_if<Conv2dOp>(&node.op)) {
            result.weight = w;
            const auto weights = merged->weight.values();
            std::size_t k = 0;
            for (const Slice& channel : channels) {
                for (const std::size_t i : channel) {
                    result.weight.values[i] = weights[k++];
                }
            }
            const auto bias = merged->bias.values();
            result.bias.assign(bias.begin(), bias.end());
        }
    }
    return result;
}

const std::vector<const char*> kMergeNames{"gamma", "beta", "mean", "var"};
const std::vector<const char*> kTorchNames{"weight", "bias", "running_mean", "running_var"};

}  // namespace

void runMerging(Case& item) {
    const bool isTransposed = item.flag("is_deconv");
    const Merged merged = merge(item, "w", "conv_bias", "bn_", kMergeNames, isTransposed);
    const int bits = static_cast<int>(item.number("bits_weights", item.number("bits", 8)));
    const bool isDepthwise = merged.weight.dim(1) == 1;
    const bool isPerChannel =
        item.text("per_channel_q") == "all" || (item.flag("per_channel_q") && isDepthwise);
    PowerOfTwoLayer layer;
    layer.bits = bits;
    if (item.hasParam("input_pow2_clips")) {
        const std::vector<double> clips = flatten(item.params()["input_pow2_clips"]);
        layer.isInputSigned = clips[0] < 0;
        layer.inputScale =
            std::ldexp(1.0, layer.isInputSigned ? bits - 1 : bits) / std::max(std::fabs(clips[0]), clips[1]);
    }
    const QuantizedLayer q = quantizeLayer(merged, isTransposed ? 1 : 0, isPerChannel, bits,
                                           constraintOf(item), layer, quantizesBiasFirst(item));
    item.check("merged_float_weight", merged.weight.values, toleranceOf(item));
    item.check("merged_float_bias", merged.bias, toleranceOf(item));
    item.check("weight_q", q.weight, toleranceOf(item));
    item.check("bias_q", q.bias, toleranceOf(item));
}

// The small network in evaluation
// ------------------------------------------------------------------------------------
void runNetwork(Case& item) {
    const Json& stored = item.params()["stored_ranges"];
    const int weightBits = item.integer("bits_weights");
    const int actBits = item.integer("bits_activations");
    const auto rangeOf = [&](const char* key) {
        const std::vector<double> values = flatten(stored[key]);
        return Range{values[0], values[1]};
    };
    const auto quantized = [&](const Tensor& x, const QParams& grid) {
        std::vector<float> y(x.size());
        fakeQuantize(x.floats(), y, grid);
        return fromFloats(x.shape, y);
    };
    const auto layerOf = [&](const QParams& inputGrid) {
        PowerOfTwoLayer layer;
        layer.bits = weightBits;
        layer.isInputSigned = inputGrid.isSigned();
        layer.inputScale = 1 / static_cast<double>(inputGrid.scale[0]);
        return layer;
    };
    const bool isPerChannelDepthwise = item.flag("per_channel_q_depthwise");
    const Tensor x = item.input("x");
    const auto groups = static_cast<std::int64_t>(item.number("groups_c2", 1));
    const ConvShape first = same(static_cast<std::int64_t>(item.number("padding_c1")));
    const ConvShape second = same(static_cast<std::int64_t>(item.number("padding_c2", 1)), 1, groups);
    const Merged c1 = merge(item, "c1.weight", "c1.bias", "b1.", kTorchNames, false);
    Merged c2;
    c2.weight = item.input("c2.weight");
    c2.bias = item.floats("c2.bias");

    const QParams inputGrid = activationGrid(rangeOf("c1.activation_in"), std::nullopt, actBits);
    const QParams middleGrid = activationGrid(rangeOf("r1"), false, actBits);
    const QParams outputGrid = activationGrid(rangeOf("c2.activation_q"), std::nullopt, actBits);
    const Tensor xq = quantized(x, inputGrid);
    const QuantizedLayer q1 = quantizeLayer(c1, 0, isPerChannelDepthwise && c1.weight.dim(1) == 1, weightBits,
                                            constraintOf(item), layerOf(inputGrid), quantizesBiasFirst(item));
    const Tensor r1 =
        quantized(conv2d(xq, fromFloats(c1.weight.shape, q1.weight), doubles(q1.bias), first), middleGrid);
    const QuantizedLayer q2 =
        quantizeLayer(c2, 0, isPerChannelDepthwise && c2.weight.dim(1) == 1, weightBits, constraintOf(item),
                      layerOf(middleGrid), quantizesBiasFirst(item));
    const Tensor y =
        quantized(conv2d(r1, fromFloats(c2.weight.shape, q2.weight), doubles(q2.bias), second), outputGrid);
    const Tensor exact =
        conv2d(relu(conv2d(x, c1.weight, doubles(c1.bias), first)), c2.weight, doubles(c2.bias), second);
    item.check("r1_out", r1.values, toleranceOf(item));
    item.check("y_QuantTestModule", y.values, toleranceOf(item));
    item.check("y_QuantTrainModule_eval", y.values, toleranceOf(item));
    item.check("y_float", exact.values, toleranceOf(item));
}

}  // namespace bitlathe::conform::power_of_two_cases
