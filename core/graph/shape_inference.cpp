#include "core/graph/graph.h"
#include "core/types/error.h"

#include <algorithm>
#include <limits>
#include <string>

namespace bitlathe::core {

namespace {

[[noreturn]] void mismatch(const Node& node, const std::string& problem) {
    throw Error(ErrorCode::ShapeMismatch,
                "layer '" + node.name + "' (" + std::string(operatorName(node.op)) + "): " + problem);
}

/// Output size of a sliding window; `ceil` counts a last window that begins inside the input or its leading
/// padding.
std::int64_t windowCount(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                         std::int64_t before, std::int64_t after, bool ceil) {
    const std::int64_t reach = in + before + after - dilation * (kernel - 1) - 1;
    if (reach < 0) {
        return 0;
    }
    std::int64_t count = (reach + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil && (count - 1) * stride >= in + before) {
        --count;
    }
    return count;
}

class ShapeOf {
public:
    ShapeOf(const Node& node, std::vector<Shape> inputs) : m_node(node), m_inputs(std::move(inputs)) {}

    Shape operator()(const InputOp&) const { return m_node.outputShape; }

    Shape operator()(const Conv2dOp& op) const {
        const Shape& in = image();
        const Shape& weight = op.weight.shape();
        if (weight.size() != 4) {
            mismatch(m_node, "its weight is " + shapeText(weight) + "; expected out×in×rows×columns");
        }
        if (op.groups < 1 || weight[0] % op.groups != 0 || in[1] != weight[1] * op.groups) {
            mismatch(m_node, "it expects " + std::to_string(weight[1] * op.groups) +
                                 " input channels but gets " + std::to_string(in[1]) + " (input " +
                                 shapeText(in) + ")");
        }
        if (op.bias.defined() && op.bias.size() != weight[0]) {
            mismatch(m_node, "its bias has " + std::to_string(op.bias.size()) + " values for " +
                                 std::to_string(weight[0]) + " output channels");
        }
        return window(weight[0], {weight[2], weight[3]}, op.stride, op.padding, op.dilation, false);
    }

    Shape operator()(const LinearOp& op) const {
        const Shape& in = only();
        const Shape& weight = op.weight.shape();
        if (weight.size() != 2 || in.empty() || in.back() != weight[1]) {
            mismatch(m_node, "it expects " + (weight.size() == 2 ? std::to_string(weight[1]) : "?") +
                                 " input features but gets " + shapeText(in) + "; is the input size right?");
        }
        Shape out = in;
        out.back() = weight[0];
        return out;
    }

    Shape operator()(const BatchNormOp& op) const {
        const Shape& in = only();
        if (in.size() < 2 || op.mean.size() != in[1] || op.variance.size() != in[1]) {
            mismatch(m_node, "it normalises " + std::to_string(op.mean.size()) + " channels but gets " +
                                 shapeText(in));
        }
        return in;
    }
    Shape operator()(const ClampOp&) const { return only(); }
    Shape operator()(const UnaryOp&) const { return only(); }
    Shape operator()(const LeakyReluOp&) const { return only(); }
    Shape operator()(const SoftmaxOp&) const { return only(); }

    Shape operator()(const AddOp&) const {
        if (m_inputs.size() != 2 || m_inputs[0] != m_inputs[1]) {
            mismatch(m_node, "it adds " + inputsText() + "; both must have one shape");
        }
        return m_inputs[0];
    }

    Shape operator()(const MulOp&) const {
        const bool isGate = m_inputs.size() == 2 && m_inputs[0].size() == 4 && m_inputs[1].size() == 4 &&
                            m_inputs[0][1] == m_inputs[1][1] && m_inputs[1][2] == 1 && m_inputs[1][3] == 1;
        if (m_inputs.size() != 2 || (m_inputs[0] != m_inputs[1] && !isGate)) {
            mismatch(m_node,
                     "it multiplies " + inputsText() + "; shapes must be equal, or the second one N×C×1×1");
        }
        return m_inputs[0];
    }

    Shape operator()(const ConcatOp& op) const {
        if (m_inputs.empty() || op.axis < 0 || op.axis >= static_cast<int>(m_inputs[0].size())) {
            mismatch(m_node, "it joins along axis " + std::to_string(op.axis) + " of " + inputsText());
        }
        const auto axis = static_cast<std::size_t>(op.axis);
        Shape out = m_inputs[0];
        for (std::size_t i = 1; i < m_inputs.size(); ++i) {
            Shape next = m_inputs[i];
            if (next.size() != out.size()) {
                mismatch(m_node, "it joins " + inputsText());
            }
            out[axis] += next[axis];
            next[axis] = out[axis];
            if (next != out) {
                mismatch(m_node, "it joins " + inputsText() + "; they may differ along axis " +
                                     std::to_string(op.axis) + " only");
            }
        }
        return out;
    }

    Shape operator()(const Pool2dOp& op) const {
        return window(image()[1], op.kernel, op.stride, op.padding, {1, 1}, op.ceilMode);
    }
    Shape operator()(const GlobalAveragePoolOp&) const { return {image()[0], image()[1], 1, 1}; }
    Shape operator()(const FlattenOp&) const {
        const Shape& in = only();
        return {in.empty() ? 1 : in[0], in.empty() ? 1 : elementCount(in) / in[0]};
    }

private:
    const Shape& only() const {
        if (m_inputs.size() != 1) {
            mismatch(m_node, "it has " + std::to_string(m_inputs.size()) + " inputs; expected 1");
        }
        return m_inputs[0];
    }

    const Shape& image() const {
        if (only().size() != 4) {
            mismatch(m_node, "it expects N×C×H×W but gets " + shapeText(only()));
        }
        return only();
    }

    Shape window(std::int64_t channels, std::array<std::int64_t, 2> kernel,
                 std::array<std::int64_t, 2> stride, const std::array<std::int64_t, 4>& padding,
                 std::array<std::int64_t, 2> dilation, bool ceil) const {
        const Shape& in = image();
        // Far beyond any model, and far from overflow in what follows here and in every engine.
        constexpr std::int64_t kLargest = 1 << 20;
        const auto isOutside = [](std::int64_t least) {
            return [least](std::int64_t size) { return size < least || size > kLargest; };
        };
        if (std::any_of(stride.begin(), stride.end(), isOutside(1)) ||
            std::any_of(kernel.begin(), kernel.end(), isOutside(1)) ||
            std::any_of(dilation.begin(), dilation.end(), isOutside(1))) {
            mismatch(m_node, "kernel, stride and dilation must be 1 to " + std::to_string(kLargest));
        }
        if (std::any_of(padding.begin(), padding.end(), isOutside(0))) {
            mismatch(m_node, "padding must be 0 to " + std::to_string(kLargest));
        }
        const std::int64_t rows =
            windowCount(in[2], kernel[0], stride[0], dilation[0], padding[0], padding[2], ceil);
        const std::int64_t columns =
            windowCount(in[3], kernel[1], stride[1], dilation[1], padding[1], padding[3], ceil);
        if (rows < 1 || columns < 1) {
            mismatch(m_node, "its " + shapeText({kernel[0], kernel[1]}) + " window does not fit the input " +
                                 shapeText(in) + "; use a larger input");
        }
        return {in[0], channels, rows, columns};
    }

    std::string inputsText() const {
        std::string text;
        for (const Shape& shape : m_inputs) {
            text += (text.empty() ? "" : " and ") + shapeText(shape);
        }
        return text;
    }

    const Node& m_node;
    std::vector<Shape> m_inputs;
};

/// Every size at least 1, and no tensor so large that its values are more than an int counts.
void requireSizes(const Node& node) {
    constexpr std::int64_t kMostValues = std::numeric_limits<std::int32_t>::max();
    std::int64_t values = 1;
    for (const std::int64_t size : node.outputShape) {
        if (size < 1 || size > kMostValues / values) {
            mismatch(node, "its output would be " + shapeText(node.outputShape) +
                               "; every size must be at least 1, and all together at most 2^31 - 1 values");
        }
        values *= size;
    }
}

}  // namespace

void inferShape(Graph& graph, NodeId id) {
    Node& node = graph.node(id);
    std::vector<Shape> inputs;
    inputs.reserve(node.inputs.size());
    for (const NodeId input : node.inputs) {
        inputs.push_back(graph.node(input).outputShape);
    }
    node.outputShape = std::visit(ShapeOf(node, std::move(inputs)), node.op);
    requireSizes(node);
}

void inferShapes(Graph& graph, const Shape& inputShape) {
    if (graph.nodes.empty() || !std::holds_alternative<InputOp>(graph.nodes.front().op)) {
        throw Error(ErrorCode::ModelFormat, "the graph does not begin with its input");
    }
    graph.nodes.front().outputShape = inputShape;
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
        inferShape(graph, id);
    }
}

}  // namespace bitlathe::core
