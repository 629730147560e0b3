#include "engine/operator_conversions.h"

#include "engine/tensor_bridge.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <utility>

namespace bitlathe::engine {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void unsupported(const std::string& why) {
    throw UnsupportedUse(why);
}

/// Reads a call's arguments and appends nodes.
class Conversion {
public:
    Conversion(core::Graph& graph, const OperatorCall& call) : m_graph(graph), m_call(call) {}

    std::size_t argumentCount() const { return m_call.arguments.size(); }
    const AbstractValue& argument(std::size_t i) const {
        if (i >= m_call.arguments.size()) {
            unsupported("it has " + std::to_string(m_call.arguments.size()) +
                        " arguments, fewer than expected");
        }
        return m_call.arguments[i];
    }
    bool isGiven(std::size_t i) const {
        return i < m_call.arguments.size() && !(argument(i).isConcrete() && argument(i).concrete().isNone());
    }

    /// A tensor of the graph without a pending border.
    core::NodeId node(std::size_t i) const {
        const TensorCell& cell = this->cell(i);
        if (cell.hasBorder()) {
            unsupported("padding in front of it; only convolutions and pools take padding");
        }
        return cell.node;
    }
    TensorCell& cell(std::size_t i) const {
        if (!argument(i).isTensor()) {
            unsupported("argument " + std::to_string(i + 1) + " is not a tensor the model computes");
        }
        return argument(i).tensor();
    }
    at::Tensor weight(std::size_t i) const {
        if (!isGiven(i)) {
            return {};
        }
        if (!argument(i).isConcrete() || !argument(i).concrete().isTensor()) {
            unsupported("weights that the model computes from its input");
        }
        return argument(i).concrete().toTensor();
    }
    std::int64_t integer(std::size_t i) const { return number(i).toInt(); }
    double real(std::size_t i) const {
        const c10::IValue& value = number(i);
        return value.isInt() ? static_cast<double>(value.toInt()) : value.toDouble();
    }
    bool flag(std::size_t i) const { return number(i).toBool(); }
    std::vector<std::int64_t> integers(std::size_t i) const {
        const c10::IValue& value = number(i);
        return value.isInt() ? std::vector<std::int64_t>{value.toInt()} : value.toIntVector();
    }
    /// One value for rows and columns, or two.
    std::array<std::int64_t, 2> pair(std::size_t i) const {
        const std::vector<std::int64_t> values = integers(i);
        if (values.empty() || values.size() > 2) {
            unsupported("it works on " + std::to_string(values.size()) + " dimensions; images have 2");
        }
        return {values.front(), values.back()};
    }

    const core::Shape& shape(std::size_t i) const { return m_graph.node(cell(i).node).outputShape; }
    const core::Node& nodeAt(core::NodeId id) const { return m_graph.node(id); }
    core::Graph& graph() const { return m_graph; }

    AbstractValue append(core::Operator op, std::vector<core::NodeId> inputs,
                         const std::string& suffix = {}) const {
        const core::NodeId id = m_graph.append(m_call.nodeName + suffix, std::move(op), std::move(inputs));
        core::inferShape(m_graph, id);
        return tensorValue(id);
    }
    AbstractValue unary(core::Operator op) const { return append(std::move(op), {node(0)}); }
    /// The first argument as it is.
    AbstractValue same() const { return argument(0); }

private:
    const c10::IValue& number(std::size_t i) const {
        if (!argument(i).isConcrete() || argument(i).concrete().isNone()) {
            unsupported("argument " + std::to_string(i + 1) + " must be a constant");
        }
        return argument(i).concrete();
    }

    core::Graph& m_graph;
    const OperatorCall& m_call;
};

std::array<std::int64_t, 4> bothSides(std::array<std::int64_t, 2> padding) {
    return {padding[0], padding[1], padding[0], padding[1]};
}

/// The operator's own padding plus a border pending on its input, whose value must be what the operator pads
/// with.
std::array<std::int64_t, 4> withBorder(const TensorCell& cell, std::array<std::int64_t, 4> padding,
                                       double value) {
    if (cell.hasBorder() && cell.borderValue != value) {
        unsupported("padding with " + std::to_string(cell.borderValue) + " in front of it");
    }
    for (std::size_t side = 0; side < 4; ++side) {
        padding[side] += cell.border[side];
    }
    return padding;
}

AbstractValue convolution(const Conversion& call, std::size_t groupsAt) {
    core::Conv2dOp op;
    const at::Tensor weight = call.weight(1);
    if (weight.dim() != 4) {
        unsupported("a " + std::to_string(weight.dim() - 2) + "-D convolution; only 2-D ones are supported");
    }
    op.weight = unwrap(weight);
    op.bias = unwrap(call.weight(2));
    op.stride = call.pair(3);
    op.padding = withBorder(call.cell(0), bothSides(call.pair(4)), 0);
    op.dilation = call.pair(5);
    op.groups = call.integer(groupsAt);
    return call.append(std::move(op), {call.cell(0).node});
}

/// aten::_convolution(x, w, b, stride, padding, dilation, transposed, output_padding, groups, ...): what
/// traces hold.
AbstractValue tracedConvolution(const Conversion& call) {
    if (call.flag(6)) {
        unsupported("a transposed convolution");
    }
    return convolution(call, 8);
}

/// conv2d with padding by name: "same" or "valid".
AbstractValue scriptedConvolution(const Conversion& call) {
    const AbstractValue& padding = call.argument(4);
    if (padding.isConcrete() && padding.concrete().isString()) {
        if (padding.concrete().toStringRef() != "valid") {
            unsupported("padding given as '" + padding.concrete().toStringRef() + "'; give it as numbers");
        }
        unsupported("padding given as a word; give it as numbers");
    }
    return convolution(call, 6);
}

AbstractValue linear(const Conversion& call) {
    core::LinearOp op;
    op.weight = unwrap(call.weight(1));
    op.bias = unwrap(call.weight(2));
    return call.unary(std::move(op));
}

/// x times a constant matrix [in, out].
AbstractValue timesMatrix(const Conversion& call, std::size_t x, std::size_t matrix, const at::Tensor& bias) {
    const at::Tensor weight = call.weight(matrix);
    if (!weight.defined() || weight.dim() != 2) {
        unsupported("a product that is not a 2-D tensor times constant weights");
    }
    core::LinearOp op;
    op.weight = unwrap(weight.t());
    op.bias = unwrap(bias);
    return call.append(std::move(op), {call.node(x)});
}

/// addmm(bias, x, matrix, beta, alpha)
AbstractValue biasPlusProduct(const Conversion& call) {
    if (call.real(3) != 1 || call.real(4) != 1) {
        unsupported("factors other than 1");
    }
    return timesMatrix(call, 1, 2, call.weight(0));
}

AbstractValue batchNorm(const Conversion& call) {
    if (call.flag(5)) {
        unsupported("it runs in training mode; call model.eval() before saving");
    }
    const at::Tensor mean = call.weight(3);
    const at::Tensor variance = call.weight(4);
    if (!mean.defined() || !variance.defined()) {
        unsupported("it keeps no running statistics");
    }
    const auto orFilled = [&](const at::Tensor& tensor, double value) {
        return unwrap(tensor.defined() ? tensor : at::full_like(mean, value));
    };
    core::BatchNormOp op;
    op.gamma = orFilled(call.weight(1), 1);
    op.beta = orFilled(call.weight(2), 0);
    op.mean = unwrap(mean);
    op.variance = unwrap(variance);
    op.momentum = call.isGiven(6) ? call.real(6) : op.momentum;
    op.epsilon = call.real(7);
    return call.unary(std::move(op));
}

AbstractValue clamp(const Conversion& call) {
    return call.unary(core::ClampOp{call.isGiven(1) ? call.real(1) : -kInfinity,
                                    call.isGiven(2) ? call.real(2) : kInfinity});
}

/// minimum with a constant for each channel is the upper end of a clamp: of the one before, where that is the latest node.
AbstractValue minimum(const Conversion& call) {
    const auto isConstant = [&](std::size_t i) {
        return call.argument(i).isConcrete() && call.argument(i).concrete().isTensor();
    };
    if (!isConstant(0) && !isConstant(1)) {
        unsupported("the smaller of two tensors the model computes");
    }
    const std::size_t constant = isConstant(1) ? 1 : 0;
    const core::NodeId input = call.node(1 - constant);
    const core::Shape& shape = call.shape(1 - constant);
    const at::Tensor upper = call.weight(constant);
    // Right-aligned, as tensors are broadcast: every dimension but the channels' must be 1.
    const auto channelAt = upper.dim() - static_cast<std::int64_t>(shape.size()) + 1;
    const bool isPerChannel =
        shape.size() >= 2 && channelAt >= 0 && upper.numel() == shape[1] && upper.size(channelAt) == shape[1];
    if (!isPerChannel || !at::isfinite(upper).all().item<bool>()) {
        unsupported("the smaller of a tensor and a constant, other than one finite number for each channel");
    }
    core::ClampOp op{-kInfinity, kInfinity};
    auto* const before = std::get_if<core::ClampOp>(&call.graph().node(input).op);
    const bool isLatest = input + 1 == static_cast<core::NodeId>(call.graph().nodes.size());
    const bool joins = before != nullptr && isLatest && !before->isPerChannel();
    if (joins) {
        op = *before;
    }
    const at::Tensor ends = upper.to(at::kDouble).contiguous();
    for (const double end : std::span(ends.data_ptr<double>(), static_cast<std::size_t>(ends.numel()))) {
        op.channelUpper.push_back(std::min(end, op.upper));
    }
    op.upper = *std::max_element(op.channelUpper.begin(), op.channelUpper.end());
    if (joins) {
        *before = std::move(op);
        return call.argument(1 - constant);
    }
    return call.append(std::move(op), {input});
}

/// matmul + constant vector is a linear layer with bias.
std::optional<AbstractValue> asBias(const Conversion& call) {
    for (const std::size_t constant : {std::size_t{0}, std::size_t{1}}) {
        if (!call.argument(constant).isConcrete() || !call.argument(constant).concrete().isTensor()) {
            continue;
        }
        const core::NodeId product = call.node(1 - constant);
        auto* const op = std::get_if<core::LinearOp>(&call.graph().node(product).op);
        const at::Tensor bias = call.weight(constant);
        const bool isLatest = product + 1 == static_cast<core::NodeId>(call.graph().nodes.size());
        if (op != nullptr && isLatest && !op->bias.defined() && bias.dim() == 1 &&
            bias.size(0) == op->weight.shape()[0]) {
            op->bias = unwrap(bias);
            return call.argument(1 - constant);
        }
        unsupported("a constant added to a tensor");
    }
    return std::nullopt;
}

AbstractValue add(const Conversion& call) {
    if (call.argumentCount() > 2 && call.real(2) != 1) {
        unsupported("a factor on the second operand");
    }
    if (const auto bias = asBias(call)) {
        return *bias;
    }
    return call.append(core::AddOp{}, {call.node(0), call.node(1)});
}

AbstractValue multiply(const Conversion& call) {
    core::NodeId a = call.node(0);
    core::NodeId b = call.node(1);
    if (core::elementCount(call.shape(0)) < core::elementCount(call.shape(1))) {
        std::swap(a, b);  // a gate N,C,1,1 comes second
    }
    return call.append(core::MulOp{}, {a, b});
}

AbstractValue concatenate(const Conversion& call) {
    if (!call.argument(0).isList()) {
        unsupported("its inputs are not a list of tensors the model computes");
    }
    std::vector<core::NodeId> inputs;
    for (const AbstractValue& element : call.argument(0).list()) {
        if (!element.isTensor() || element.tensor().hasBorder()) {
            unsupported("one of its inputs is a constant or padded");
        }
        inputs.push_back(element.tensor().node);
    }
    if (inputs.empty()) {
        unsupported("it joins nothing");
    }
    const auto dimensions = static_cast<std::int64_t>(call.nodeAt(inputs[0]).outputShape.size());
    const std::int64_t axis = call.integer(1);
    return call.append(core::ConcatOp{static_cast<int>(axis < 0 ? axis + dimensions : axis)}, inputs);
}

/// max_pool2d(x, kernel, stride, padding, dilation, ceil)
AbstractValue maxPool(const Conversion& call) {
    core::Pool2dOp op;
    op.kernel = call.pair(1);
    op.stride = call.integers(2).empty() ? op.kernel : call.pair(2);
    op.padding = withBorder(call.cell(0), bothSides(call.pair(3)), -kInfinity);
    op.ceilMode = call.flag(5);
    if (call.pair(4) != std::array<std::int64_t, 2>{1, 1}) {
        unsupported("a dilated window");
    }
    return call.append(op, {call.cell(0).node});
}

/// avg_pool2d(x, kernel, stride, padding, ceil, count_include_pad, divisor)
AbstractValue averagePool(const Conversion& call) {
    core::Pool2dOp op;
    op.kind = core::PoolKind::Average;
    op.kernel = call.pair(1);
    op.stride = call.integers(2).empty() ? op.kernel : call.pair(2);
    const std::array<std::int64_t, 4> own = bothSides(call.pair(3));
    op.padding = withBorder(call.cell(0), own, 0);
    op.ceilMode = call.flag(4);
    op.countIncludePad = call.flag(5) || call.cell(0).hasBorder();
    const bool hasOwn = own != std::array<std::int64_t, 4>{0, 0, 0, 0};
    if (call.cell(0).hasBorder() && hasOwn && !call.flag(5)) {
        unsupported("two kinds of padding, one counted and one not");
    }
    if (call.isGiven(6)) {
        unsupported("a divisor of its own");
    }
    return call.append(op, {call.cell(0).node});
}

AbstractValue adaptiveAveragePool(const Conversion& call) {
    const core::NodeId input = call.node(0);
    const core::Shape& shape = call.shape(0);
    const std::vector<std::int64_t> given = call.integers(1);
    if (shape.size() != 4 || given.empty()) {
        unsupported("its input is " + core::shapeText(shape) + "; expected N×C×H×W");
    }
    const std::int64_t rows = given.front();
    const std::int64_t columns = given.back();
    if (rows == 1 && columns == 1) {
        return call.append(core::GlobalAveragePoolOp{}, {input});
    }
    if (rows == shape[2] && columns == shape[3]) {
        return call.same();
    }
    if (rows < 1 || columns < 1 || shape[2] % rows != 0 || shape[3] % columns != 0) {
        unsupported("an output of " + core::shapeText({rows, columns}) + " from " +
                    core::shapeText({shape[2], shape[3]}) + " needs windows of different sizes");
    }
    core::Pool2dOp op;
    op.kind = core::PoolKind::Average;
    op.kernel = {shape[2] / rows, shape[3] / columns};
    op.stride = op.kernel;
    return call.append(op, {input});
}

/// mean(x, dims, keepdim, dtype) over rows and columns.
AbstractValue mean(const Conversion& call) {
    const core::Shape& shape = call.shape(0);
    std::vector<std::int64_t> dims =
        call.argumentCount() > 2 && call.isGiven(1) ? call.integers(1) : std::vector<std::int64_t>{};
    for (std::int64_t& dim : dims) {
        dim += dim < 0 ? static_cast<std::int64_t>(shape.size()) : 0;
    }
    std::sort(dims.begin(), dims.end());
    if (shape.size() != 4 || dims != std::vector<std::int64_t>{2, 3}) {
        unsupported("a mean over something else than rows and columns");
    }
    const AbstractValue pooled = call.append(core::GlobalAveragePoolOp{}, {call.node(0)});
    return call.flag(2) ? pooled : call.append(core::FlattenOp{}, {pooled.tensor().node}, ".flatten");
}

AbstractValue flattened(const Conversion& call) {
    return call.shape(0).size() == 2 ? call.same() : call.append(core::FlattenOp{}, {call.node(0)});
}

/// flatten(x, start, end)
AbstractValue flatten(const Conversion& call) {
    const auto dimensions = static_cast<std::int64_t>(call.shape(0).size());
    const std::int64_t end = call.integer(2) < 0 ? call.integer(2) + dimensions : call.integer(2);
    if (call.integer(1) != 1 || end != dimensions - 1) {
        unsupported("it joins other dimensions than all but the first");
    }
    return flattened(call);
}

/// view or reshape to [N, everything else], or to the shape it has.
AbstractValue reshape(const Conversion& call) {
    const std::vector<std::int64_t> target = call.integers(1);
    const core::Shape& shape = call.shape(0);
    const std::int64_t features = core::elementCount(shape) / shape[0];
    // A trace holds the batch size it was made with; the first size is the batch whatever it says.
    if (target.size() == 2 && (target[1] == features || (target[1] == -1 && target[0] >= 1))) {
        return flattened(call);
    }
    if (target.size() == shape.size() && std::equal(target.begin() + 1, target.end(), shape.begin() + 1)) {
        return call.same();
    }
    unsupported("a reshape of " + core::shapeText(shape) + " to " + core::shapeText(target) +
                "; only [N, everything else] is supported");
}

/// A dropout that is on would be a training graph.
AbstractValue dropout(const Conversion& call) {
    if (call.flag(2)) {
        unsupported("it is active; call model.eval() before saving");
    }
    return call.same();
}

AbstractValue softmax(const Conversion& call) {
    const auto dimensions = static_cast<std::int64_t>(call.shape(0).size());
    const std::int64_t axis = call.integer(1);
    return call.unary(core::SoftmaxOp{static_cast<int>(axis < 0 ? axis + dimensions : axis)});
}

/// Left out: it changes neither the order of the outputs nor their cross entropy.
AbstractValue logSoftmax(const Conversion& call) {
    AbstractValue result = tensorValue(call.node(0));
    result.tensor().isLogarithmLeftOut = true;
    return result;
}

AbstractValue gelu(const Conversion& call) {
    if (call.argumentCount() > 1 && call.isGiven(1) && call.argument(1).concrete().toStringRef() != "none") {
        unsupported("the approximation by tanh");
    }
    return call.unary(core::UnaryOp{core::UnaryKind::Gelu});
}

/// constant_pad_nd(x, [left, right, top, bottom], value)
AbstractValue padConstant(const Conversion& call, double value) {
    const std::vector<std::int64_t> sides = call.integers(1);
    const bool isImage = call.shape(0).size() == 4 && (sides.size() == 2 || sides.size() == 4);
    if (!isImage || std::any_of(sides.begin(), sides.end(), [](std::int64_t side) { return side < 0; })) {
        unsupported("padding of something else than rows and columns, or cropping");
    }
    AbstractValue result = tensorValue(call.node(0));
    result.tensor().border = {sides.size() == 4 ? sides[2] : 0, sides[0], sides.size() == 4 ? sides[3] : 0,
                              sides[1]};
    result.tensor().borderValue = value;
    return result;
}

/// pad(x, sides, mode, value)
AbstractValue pad(const Conversion& call) {
    if (call.argument(2).concrete().toStringRef() != "constant") {
        unsupported("padding by '" + call.argument(2).concrete().toStringRef() +
                    "'; only constant padding is supported");
    }
    return padConstant(call, call.isGiven(3) ? call.real(3) : 0);
}

template <core::UnaryKind Kind>
AbstractValue function(const Conversion& call) {
    return call.unary(core::UnaryOp{Kind});
}

AbstractValue unchanged(const Conversion& call) {
    return call.same();
}

using Converter = std::function<AbstractValue(const Conversion&)>;

/// Every operator the importer takes.
const std::map<std::string, Converter>& converters() {
    static const std::map<std::string, Converter> all{
        {"_convolution", tracedConvolution},
        {"convolution", tracedConvolution},
        {"conv2d", scriptedConvolution},
        {"linear", linear},
        {"addmm", biasPlusProduct},
        {"matmul", [](const Conversion& call) { return timesMatrix(call, 0, 1, {}); }},
        {"mm", [](const Conversion& call) { return timesMatrix(call, 0, 1, {}); }},
        {"batch_norm", batchNorm},
        {"relu",
         [](const Conversion& call) {
             return call.unary(core::ClampOp{0, kInfinity});
         }},
        {"relu6",
         [](const Conversion& call) {
             return call.unary(core::ClampOp{0, 6});
         }},
        {"hardtanh", clamp},
        {"clamp", clamp},
        {"clamp_min",
         [](const Conversion& call) {
             return call.unary(core::ClampOp{call.real(1), kInfinity});
         }},
        {"clamp_max",
         [](const Conversion& call) {
             return call.unary(core::ClampOp{-kInfinity, call.real(1)});
         }},
        {"leaky_relu", [](const Conversion& call) { return call.unary(core::LeakyReluOp{call.real(1)}); }},
        {"sigmoid", function<core::UnaryKind::Sigmoid>},
        {"tanh", function<core::UnaryKind::Tanh>},
        {"hardsigmoid", function<core::UnaryKind::HardSigmoid>},
        {"hardswish", function<core::UnaryKind::HardSwish>},
        {"silu", function<core::UnaryKind::Silu>},
        {"gelu", gelu},
        {"add", add},
        {"minimum", minimum},
        {"mul", multiply},
        {"cat", concatenate},
        {"max_pool2d", maxPool},
        {"avg_pool2d", averagePool},
        {"adaptive_avg_pool2d", adaptiveAveragePool},
        {"mean", mean},
        {"flatten", flatten},
        {"view", reshape},
        {"reshape", reshape},
        {"dropout", dropout},
        {"feature_dropout", dropout},
        {"alpha_dropout", dropout},
        {"softmax", softmax},
        {"log_softmax", logSoftmax},
        {"constant_pad_nd", [](const Conversion& call) { return padConstant(call, call.real(2)); }},
        {"pad", pad},
        {"contiguous", unchanged},
        {"detach", unchanged},
        {"clone", unchanged},
        {"alias", unchanged},
    };
    return all;
}

bool isFollowedUp(const AbstractValue& value) {
    return value.isTensor() && value.tensor().isLogarithmLeftOut;
}

}  // namespace

bool isKnownOperator(const std::string& kind) {
    return converters().count(kind) != 0;
}

AbstractValue convertOperator(core::Graph& graph, const OperatorCall& call) {
    if (std::any_of(call.arguments.begin(), call.arguments.end(), isFollowedUp)) {
        unsupported("it follows a log_softmax, which is supported at the model's end only");
    }
    return converters().at(call.kind)(Conversion(graph, call));
}

}  // namespace bitlathe::engine
