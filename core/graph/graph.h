#pragma once

#include "core/types/float_tensor.h"
#include "core/types/shape.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitlathe::core {

/// Index of a node in its Graph. Nodes are in execution order: inputs come before their consumers.
using NodeId = int;

/// 2-D convolution, weight [out, in/groups, kH, kW]. Padding is explicit per side (TensorFlow SAME pads unevenly) and
/// always with real zero.
struct Conv2dOp {
    FloatTensor weight;
    FloatTensor bias;                                 ///< [out]; undefined: none
    std::array<std::int64_t, 2> stride{1, 1};         ///< rows, columns
    std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
    std::array<std::int64_t, 2> dilation{1, 1};
    std::int64_t groups = 1;
};
/// y = x Wᵀ + b, weight [out, in].
struct LinearOp {
    FloatTensor weight;
    FloatTensor bias;  ///< [out]; undefined: none
};
/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta per channel (dim 1).
struct BatchNormOp {
    FloatTensor gamma, beta, mean, variance;  ///< [channels] each
    double epsilon = 1e-5;
    double momentum = 0.1;  ///< weight of the newest batch in the running statistics
};
/// Elementwise functions. Clamp covers relu (0, inf), relu6 (0, 6) and hardtanh.
struct ClampOp {
    double lower = 0;
    double upper = 0;  ///< may be +infinity
    std::vector<double>
        channelUpper{};  ///< an upper end for each channel (dim 1), finite, none above `upper`;
                         ///< empty: `upper` for all. A relu6 behind rescaled channels has them.
    bool isPerChannel() const noexcept { return !channelUpper.empty(); }
};
enum class UnaryKind { Sigmoid, Tanh, HardSigmoid, HardSwish, Silu, Gelu };
struct UnaryOp {
    UnaryKind kind = UnaryKind::Sigmoid;
};
struct LeakyReluOp {
    double slope = 0.01;
};
struct AddOp {};  ///< elementwise sum of two equal shapes
struct MulOp {};  ///< elementwise product; the second input may be [N,C,1,1]
struct ConcatOp {
    int axis = 1;
};
enum class PoolKind { Max, Average };
struct Pool2dOp {
    PoolKind kind = PoolKind::Max;
    std::array<std::int64_t, 2> kernel{2, 2};
    std::array<std::int64_t, 2> stride{2, 2};
    std::array<std::int64_t, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
    bool ceilMode = false;
    bool countIncludePad = true;  ///< average pooling only
};
struct GlobalAveragePoolOp {};  ///< [N,C,H,W] -> [N,C,1,1]
struct FlattenOp {};            ///< [N,...] -> [N,prod]
struct SoftmaxOp {
    int axis = 1;
};
struct InputOp {};  ///< the single graph input

using Operator = std::variant<InputOp, Conv2dOp, LinearOp, BatchNormOp, ClampOp, UnaryOp, LeakyReluOp, AddOp,
                              MulOp, ConcatOp, Pool2dOp, GlobalAveragePoolOp, FlattenOp, SoftmaxOp>;

/// One operation and the tensor it makes.
struct Node {
    std::string name;  ///< module path in the source model, unique in the graph: "stem.conv"
    Operator op;
    std::vector<NodeId> inputs;
    Shape outputShape;  ///< batch 1; empty until inferShapes
};

/// A model: nodes in execution order, exactly one InputOp (node 0), one output node.
/// A value: copies share weights.
struct Graph {
    std::string name;  ///< "mobilenet_v1_025"
    std::vector<Node> nodes;
    NodeId output = -1;

    const Node& node(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
    Node& node(NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
    /// Appends a node and returns its id. An empty or taken name gets a unique suffix.
    NodeId append(std::string name, Operator op, std::vector<NodeId> inputs);
    /// Ids of the nodes that read each node's output, by node.
    std::vector<std::vector<NodeId>> consumers() const;
    /// Shape of the input, batch 1.
    const Shape& inputShape() const { return nodes.front().outputShape; }
    /// Number of learned parameters (batch norm's gamma and beta included, its statistics not).
    std::int64_t parameterCount() const;
};

/// The operator's stable lower-case name: "conv2d", "clamp", "global_average_pool".
std::string_view operatorName(const Operator& op) noexcept;

/// Fills one node's outputShape from those of its inputs, for graphs that are being built.
/// Errors  ShapeMismatch naming the node, the expected and the actual shape.
void inferShape(Graph& graph, NodeId id);
/// Fills every node's outputShape from the input shape (batch 1).
/// Errors  ShapeMismatch naming the node, the expected and the actual shape.
void inferShapes(Graph& graph, const Shape& inputShape);

/// SHA-256 (hex) over topology, attributes and weights; the same for equal models whatever file they came from.
std::string graphHash(const Graph& graph);

}  // namespace bitlathe::core
