#include "core/graph/batch_norm.h"
#include "core/graph/prepare.h"

#include <cmath>
#include <utility>
#include <vector>

namespace bitlathe::core {

namespace {

const FloatTensor* weightOf(const Operator& op) {
    if (const auto* const conv = std::get_if<Conv2dOp>(&op)) {
        return &conv->weight;
    }
    const auto* const linear = std::get_if<LinearOp>(&op);
    return linear == nullptr ? nullptr : &linear->weight;
}

template <typename WeightedOp>
void fold(WeightedOp& op, const ChannelAffine& affine) {
    op.weight = foldedWeights(op.weight, affine);
    op.bias = foldedBias(op.bias, affine);
}

void fold(Operator& op, const BatchNormOp& norm) {
    const ChannelAffine affine = channelAffine(norm);
    if (auto* const conv = std::get_if<Conv2dOp>(&op)) {
        fold(*conv, affine);
    } else {
        fold(std::get<LinearOp>(op), affine);
    }
}

}  // namespace

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

std::map<NodeId, NodeId> batchNormPartners(const Graph& graph) {
    const auto readers = graph.consumers();
    std::map<NodeId, NodeId> partners;
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
        const auto* const norm = std::get_if<BatchNormOp>(&graph.node(id).op);
        if (norm == nullptr) {
            continue;
        }
        const NodeId source = graph.node(id).inputs.front();
        const FloatTensor* const weight = weightOf(graph.node(source).op);
        const bool isOnlyReader =
            readers[static_cast<std::size_t>(source)].size() == 1 && source != graph.output;
        if (isOnlyReader && weight != nullptr && !weight->shape().empty() &&
            weight->shape()[0] == norm->mean.size()) {
            partners.emplace(source, id);
        }
    }
    return partners;
}

FloatTensor foldedWeights(const FloatTensor& weight, const ChannelAffine& affine) {
    const std::size_t channels = affine.scale.size();
    const std::size_t perChannel = static_cast<std::size_t>(weight.size()) / channels;
    std::vector<float> values(weight.values().begin(), weight.values().end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(values[i] * affine.scale[i / perChannel]);
    }
    return {weight.shape(), std::move(values)};
}

FloatTensor foldedBias(const FloatTensor& bias, const ChannelAffine& affine) {
    std::vector<float> values(affine.scale.size());
    for (std::size_t c = 0; c < values.size(); ++c) {
        const double before = bias.defined() ? bias.values()[c] : 0.0;
        values[c] = static_cast<float>(before * affine.scale[c] + affine.shift[c]);
    }
    return {{static_cast<std::int64_t>(values.size())}, std::move(values)};
}

Graph foldBatchNorm(const Graph& graph, const std::set<LayerId>& keep) {
    const auto readers = graph.consumers();
    std::map<NodeId, NodeId> absorber;  // of batch norms that are folded: the weighted node
    for (const auto& [source, norm] : batchNormPartners(graph)) {
        if (!keep.contains(LayerId(graph.node(source).name))) {
            absorber.emplace(norm, source);
        }
    }
    Graph result;
    result.name = graph.name;
    std::vector<NodeId> renumbered(graph.nodes.size());
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
        const Node& node = graph.node(id);
        const auto* const norm = std::get_if<BatchNormOp>(&node.op);
        if (norm != nullptr && readers[static_cast<std::size_t>(node.inputs.front())].size() == 1) {
            // A second batch norm behind one that was folded goes the same way.
            if (const auto first = absorber.find(node.inputs.front()); first != absorber.end()) {
                absorber.emplace(id, first->second);
            }
        }
        if (const auto target = absorber.find(id); target != absorber.end()) {
            const NodeId weighted = renumbered[static_cast<std::size_t>(target->second)];
            fold(result.node(weighted).op, *norm);
            renumbered[static_cast<std::size_t>(id)] = weighted;
            continue;
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

}  // namespace bitlathe::core
