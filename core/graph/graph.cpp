#include "core/graph/graph.h"

#include <algorithm>
#include <utility>

namespace bitlathe::core {

namespace {

struct NameOf {
    std::string_view operator()(const InputOp&) const { return "input"; }
    std::string_view operator()(const Conv2dOp&) const { return "conv2d"; }
    std::string_view operator()(const LinearOp&) const { return "linear"; }
    std::string_view operator()(const BatchNormOp&) const { return "batch_norm"; }
    std::string_view operator()(const ClampOp&) const { return "clamp"; }
    std::string_view operator()(const LeakyReluOp&) const { return "leaky_relu"; }
    std::string_view operator()(const AddOp&) const { return "add"; }
    std::string_view operator()(const MulOp&) const { return "mul"; }
    std::string_view operator()(const ConcatOp&) const { return "concat"; }
    std::string_view operator()(const GlobalAveragePoolOp&) const { return "global_average_pool"; }
    std::string_view operator()(const FlattenOp&) const { return "flatten"; }
    std::string_view operator()(const SoftmaxOp&) const { return "softmax"; }
    std::string_view operator()(const Pool2dOp& op) const {
        return op.kind == PoolKind::Max ? "max_pool2d" : "average_pool2d";
    }
    std::string_view operator()(const UnaryOp& op) const {
        switch (op.kind) {
        case UnaryKind::Sigmoid:
            return "sigmoid";
        case UnaryKind::Tanh:
            return "tanh";
        case UnaryKind::HardSigmoid:
            return "hard_sigmoid";
        case UnaryKind::HardSwish:
            return "hard_swish";
        case UnaryKind::Silu:
            return "silu";
        case UnaryKind::Gelu:
            return "gelu";
        }
        return "unary";
    }
};

}  // namespace

std::string_view operatorName(const Operator& op) noexcept {
    return std::visit(NameOf{}, op);
}

NodeId Graph::append(std::string nodeName, Operator op, std::vector<NodeId> inputs) {
    const std::string base = nodeName.empty() ? std::string(operatorName(op)) : std::move(nodeName);
    const auto isTaken = [this](const std::string& candidate) {
        return std::any_of(nodes.begin(), nodes.end(),
                           [&](const Node& node) { return node.name == candidate; });
    };
    std::string unique = base;
    for (int suffix = 2; isTaken(unique); ++suffix) {
        unique = base + "_" + std::to_string(suffix);
    }
    nodes.push_back(Node{std::move(unique), std::move(op), std::move(inputs), {}});
    return static_cast<NodeId>(nodes.size()) - 1;
}

std::vector<std::vector<NodeId>> Graph::consumers() const {
    std::vector<std::vector<NodeId>> readers(nodes.size());
    for (NodeId id = 0; id < static_cast<NodeId>(nodes.size()); ++id) {
        for (const NodeId input : node(id).inputs) {
            readers[static_cast<std::size_t>(input)].push_back(id);
        }
    }
    return readers;
}

std::int64_t Graph::parameterCount() const {
    std::int64_t count = 0;
    for (const Node& node : nodes) {
        if (const auto* conv = std::get_if<Conv2dOp>(&node.op)) {
            count += conv->weight.size() + conv->bias.size();
        } else if (const auto* linear = std::get_if<LinearOp>(&node.op)) {
            count += linear->weight.size() + linear->bias.size();
        } else if (const auto* norm = std::get_if<BatchNormOp>(&node.op)) {
            count += norm->gamma.size() + norm->beta.size();
        }
    }
    return count;
}

}  // namespace bitlathe::core
