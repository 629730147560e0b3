#include "core/graph/prepare.h"
#include "core/types/error.h"

#include <cmath>
#include <utility>
#include <vector>

namespace bitlathe::core {

namespace {

/// Scale r = gamma / sqrt(variance + epsilon) and shift beta - mean r of each channel, in double: folding
/// happens once, and its rounding would otherwise add to that of quantization.
struct ChannelAffine {
    std::vector<double> scale;
    std::vector<double> shift;
};

ChannelAffine channelAffine(const BatchNormOp& norm) {
    const auto channels = static_cast<std::size_t>(norm.mean.size());
    ChannelAffine affine{std::vector<double>(channels), std::vector<double>(channels)};
    for (std::size_t c = 0; c < channels; ++c) {
        const double gamma = norm.gamma.defined() ? norm.gamma.values()[c] : 1.0;
        const double beta = norm.beta.defined() ? norm.beta.values()[c] : 0.0;
        affine.scale[c] = gamma / std::sqrt(static_cast<double>(norm.variance.values()[c]) + norm.epsilon);
        affine.shift[c] = beta - norm.mean.values()[c] * affine.scale[c];
    }
    return affine;
}

/// README eq. 8 on one weighted operator; output channels are dimension 0 of the weight.
template <typename WeightedOp>
WeightedOp folded(const WeightedOp& op, const BatchNormOp& norm) {
    const ChannelAffine affine = channelAffine(norm);
    const auto channels = affine.scale.size();
    const auto perChannel = static_cast<std::size_t>(op.weight.size()) / channels;
    std::vector<float> weight(op.weight.values().begin(), op.weight.values().end());
    std::vector<float> bias(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < perChannel; ++i) {
            float& w = weight[c * perChannel + i];
            w = static_cast<float>(w * affine.scale[c]);
        }
        const double before = op.bias.defined() ? op.bias.values()[c] : 0.0;
        bias[c] = static_cast<float>(before * affine.scale[c] + affine.shift[c]);
    }
    WeightedOp result = op;
    result.weight = FloatTensor(op.weight.shape(), std::move(weight));
    result.bias = FloatTensor({static_cast<std::int64_t>(channels)}, std::move(bias));
    return result;
}

template <typename WeightedOp>
bool channelsMatch(const WeightedOp& op, const BatchNormOp& norm) {
    return !op.weight.shape().empty() && op.weight.shape()[0] == norm.mean.size();
}

} // namespace

Graph foldBatchNorm(const Graph& graph) {
    const auto readers = graph.consumers();
    Graph result;
    result.name = graph.name;
    std::vector<NodeId> renumbered(graph.nodes.size());
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
        const Node& node = graph.node(id);
        if (const auto* norm = std::get_if<BatchNormOp>(&node.op)) {
            const NodeId source = node.inputs.front();
            const bool isOnlyReader =
                readers[static_cast<std::size_t>(source)].size() == 1 && source != graph.output;
            Node& target = result.node(renumbered[static_cast<std::size_t>(source)]);
            if (auto* conv = std::get_if<Conv2dOp>(&target.op);
                isOnlyReader && conv && channelsMatch(*conv, *norm)) {
                *conv = folded(*conv, *norm);
                renumbered[static_cast<std::size_t>(id)] = renumbered[static_cast<std::size_t>(source)];
                continue;
            }
            if (auto* linear = std::get_if<LinearOp>(&target.op);
                isOnlyReader && linear && channelsMatch(*linear, *norm)) {
                *linear = folded(*linear, *norm);
                renumbered[static_cast<std::size_t>(id)] = renumbered[static_cast<std::size_t>(source)];
                continue;
            }
        }
        Node copy = node;
        for (NodeId& input : copy.inputs) {
            input = renumbered[static_cast<std::size_t>(input)];
        }
        result.nodes.push_back(std::move(copy));
        renumbered[static_cast<std::size_t>(id)] = static_cast<NodeId>(result.nodes.size()) - 1;
    }
    result.output = renumbered[static_cast<std::size_t>(graph.output)];
    return result;
}

} // namespace bitlathe::core
