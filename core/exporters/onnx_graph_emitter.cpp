#include "core/exporters/onnx_graph_emitter.h"

#include "core/plan/clamp_in_grid.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace bitlathe::core {

namespace {

using Attributes = std::vector<OnnxModelBuilder::Attribute>;
using Ints = std::vector<std::int64_t>;

struct Limits {
    std::int32_t lowest;
    std::int32_t highest;
    bool hold(std::int32_t value) const noexcept { return value >= lowest && value <= highest; }
};
constexpr Limits kInt8{-128, 127};
constexpr Limits kUint8{0, 255};

constexpr Limits limitsOf(OnnxCodeType type) noexcept {
    return type == OnnxCodeType::Int8 ? kInt8 : kUint8;
}

bool fits(const QParams& grid, const Limits& limits) noexcept {
    return limits.hold(grid.quantMin) && limits.hold(grid.quantMax) &&
           std::all_of(grid.zeroPoint.begin(), grid.zeroPoint.end(),
                       [&](std::int32_t z) { return limits.hold(z); });
}

/// Padding at the end that makes floor mode give as many windows as ours, ceil mode included; never below
/// `end`.
std::int64_t endPadding(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                        std::int64_t begin, std::int64_t end) noexcept {
    return std::max(end, (out - 1) * stride + kernel - in - begin);
}

std::array<std::int64_t, 4> onnxPadding(const Pool2dOp& op, const Shape& in, const Shape& out) noexcept {
    const auto [top, left, bottom, right] = op.padding;
    return {top, left, endPadding(in[2], out[2], op.kernel[0], op.stride[0], top, bottom),
            endPadding(in[3], out[3], op.kernel[1], op.stride[1], left, right)};
}

template <std::size_t N>
Ints ints(const std::array<std::int64_t, N>& values) {
    return {values.begin(), values.end()};
}

}  // namespace

std::optional<OnnxCodeType> onnxCodeType(const QParams& grid) noexcept {
    if (!grid.isUniform()) {
        return std::nullopt;
    }
    if (fits(grid, kUint8)) {
        return OnnxCodeType::Uint8;
    }
    return fits(grid, kInt8) ? std::optional(OnnxCodeType::Int8) : std::nullopt;
}

bool isInexpressiblePool(const Node& node, const Shape& inputShape) noexcept {
    const auto* pool = std::get_if<Pool2dOp>(&node.op);
    if (pool == nullptr || pool->kind != PoolKind::Average || !pool->countIncludePad) {
        return false;
    }
    return onnxPadding(*pool, inputShape, node.outputShape) != pool->padding;
}

/// One overload per operator; gives the name of the tensor it makes.
struct OnnxGraphEmitter::Emit {
    OnnxGraphEmitter& emitter;
    NodeId id;
    const Node& node;
    std::vector<std::string> inputs;

    std::string make(const std::string& type, const Attributes& attributes = {}) const {
        return emitter.emitOperator(type, node.name, inputs, attributes);
    }
    std::string step(const std::string& type, const char* suffix, const std::vector<std::string>& from,
                     const Attributes& attributes = {}) const {
        return emitter.emitOperator(type, node.name + suffix, from, attributes);
    }
    std::string number(const char* suffix, double value) const {
        const auto rounded = static_cast<float>(value);
        return emitter.emitFloats(node.name + suffix, {}, {&rounded, 1});
    }
    const Shape& inputShape() const { return emitter.m_model.graph.node(node.inputs.front()).outputShape; }

    std::string operator()(const InputOp&) const {
        const std::string name = emitter.m_onnx.uniqueName(node.name);
        emitter.m_onnx.input(name, node.outputShape);
        return name;
    }
    std::string operator()(const Conv2dOp& op) {
        emitter.emitConstantsOf(id, op.weight, op.bias, inputs);
        const Shape& weight = op.weight.shape();
        return make("Conv", {{"dilations", ints(op.dilation)},
                             {"group", op.groups},
                             {"kernel_shape", Ints{weight[2], weight[3]}},
                             {"pads", ints(op.padding)},
                             {"strides", ints(op.stride)}});
    }
    std::string operator()(const LinearOp& op) {
        emitter.emitConstantsOf(id, op.weight, op.bias, inputs);
        return make("Gemm", {{"transB", std::int64_t{1}}});
    }
    std::string operator()(const BatchNormOp& op) {
        const auto channels = [&](const char* suffix, const FloatTensor& values) {
            inputs.push_back(emitter.emitFloats(node.name + suffix, values.shape(), values.values()));
        };
        channels("/gamma", op.gamma);
        channels("/beta", op.beta);
        channels("/mean", op.mean);
        channels("/variance", op.variance);
        return make("BatchNormalization", {{"epsilon", static_cast<float>(op.epsilon)}});
    }
    std::string operator()(const ClampOp& op) const {
        if (!op.isPerChannel()) {
            return emitter.emitClip(node.name, inputs.front(), op.lower, op.upper);
        }
        // Clip takes one number for all channels.
        Shape shape(node.outputShape.size(), 1);
        shape[1] = static_cast<std::int64_t>(op.channelUpper.size());
        const std::vector<float> upper(op.channelUpper.begin(), op.channelUpper.end());
        return emitter.emitOperator("Min", node.name,
                                    {emitter.emitClip(node.name + "/lower", inputs.front(), op.lower,
                                                      std::numeric_limits<double>::infinity()),
                                     emitter.emitFloats(node.name + "/upper", shape, upper)});
    }
    std::string operator()(const UnaryOp& op) const {
        const std::string& x = inputs.front();
        const Attributes hardSigmoid{{"alpha", 1.0F / 6.0F}, {"beta", 0.5F}};
        switch (op.kind) {
        case UnaryKind::Sigmoid:
            return make("Sigmoid");
        case UnaryKind::Tanh:
            return make("Tanh");
        case UnaryKind::HardSigmoid:
            return make("HardSigmoid", hardSigmoid);
        // An operator of its own only from opset 14 on.
        case UnaryKind::HardSwish:
            return emitter.emitOperator("Mul", node.name,
                                        {x, step("HardSigmoid", "/gate", {x}, hardSigmoid)});
        case UnaryKind::Silu:
            return emitter.emitOperator("Mul", node.name, {x, step("Sigmoid", "/gate", {x})});
        case UnaryKind::Gelu:
            break;
        }
        // x (1 + erf(x / sqrt 2)) / 2
        const std::string erf =
            step("Erf", "/erf", {step("Mul", "/scaled", {x, number("/c", 1 / std::numbers::sqrt2)})});
        const std::string gate =
            step("Mul", "/gate", {step("Add", "/sum", {erf, number("/one", 1)}), number("/half", 0.5)});
        return emitter.emitOperator("Mul", node.name, {x, gate});
    }
    std::string operator()(const LeakyReluOp& op) const {
        return make("LeakyRelu", {{"alpha", static_cast<float>(op.slope)}});
    }
    std::string operator()(const AddOp&) const { return make("Add"); }
    std::string operator()(const MulOp&) const { return make("Mul"); }
    std::string operator()(const ConcatOp& op) const {
        return make("Concat", {{"axis", static_cast<std::int64_t>(op.axis)}});
    }
    std::string operator()(const Pool2dOp& op) const {
        Attributes attributes{{"kernel_shape", ints(op.kernel)},
                              {"pads", ints(onnxPadding(op, inputShape(), node.outputShape))},
                              {"strides", ints(op.stride)}};
        if (op.kind == PoolKind::Max) {
            return make("MaxPool", attributes);
        }
        attributes.emplace_back("count_include_pad", std::int64_t{op.countIncludePad ? 1 : 0});
        return make("AveragePool", attributes);
    }
    std::string operator()(const GlobalAveragePoolOp&) const { return make("GlobalAveragePool"); }
    std::string operator()(const FlattenOp&) {
        // Not ONNX's Flatten: runtimes carry integer codes through Reshape only.
        static constexpr std::array<std::int64_t, 2> kBatchAndRest{0, -1};
        inputs.push_back(emitter.m_onnx.uniqueName(node.name + "/shape"));
        emitter.m_onnx.constant(inputs.back(), {2}, std::span<const std::int64_t>(kBatchAndRest));
        return make("Reshape");
    }
    std::string operator()(const SoftmaxOp& op) const {
        return make("Softmax", {{"axis", static_cast<std::int64_t>(op.axis)}});
    }
};

OnnxGraphEmitter::OnnxGraphEmitter(const PreparedModel& model, const QuantPlan& plan, OnnxModelBuilder& onnx)
    : m_model(model), m_plan(plan), m_onnx(onnx), m_layerOf(model.graph.nodes.size(), nullptr),
      m_gridOf(model.graph.nodes.size(), nullptr), m_tensorOf(model.graph.nodes.size()) {
    m_gridOf.front() = storedGrid({kInputLayer, SiteKind::Output});
    for (const Layer& layer : model.layers) {
        m_layerOf[static_cast<std::size_t>(layer.node)] = &layer;
        m_gridOf[static_cast<std::size_t>(layer.outputNode)] = storedGrid({layer.id, SiteKind::Output});
    }
}

void OnnxGraphEmitter::run() {
    for (NodeId id = 0; id < static_cast<NodeId>(m_model.graph.nodes.size()); ++id) {
        emitNode(id);
    }
    const auto last = static_cast<std::size_t>(m_model.graph.output);
    const std::string output = m_onnx.uniqueName("output");
    m_onnx.renameTensor(m_tensorOf[last], output);
    m_onnx.output(output, m_model.graph.nodes[last].outputShape);
}

const QParams* OnnxGraphEmitter::storedGrid(const SiteId& site) const {
    const QParams* grid = m_plan.find(site);
    return grid != nullptr && onnxCodeType(*grid) ? grid : nullptr;
}

const QParams* OnnxGraphEmitter::inputGrid(const Layer& layer) const {
    const std::optional<SiteId> site = m_model.siteOfTensor(layer.inputNodes.front());
    return site ? storedGrid(*site) : nullptr;
}

void OnnxGraphEmitter::emitNode(NodeId id) {
    const auto i = static_cast<std::size_t>(id);
    const Node& node = m_model.graph.nodes[i];
    const QParams* grid = m_gridOf[i];
    std::vector<std::string> inputs;
    for (const NodeId input : node.inputs) {
        inputs.push_back(m_tensorOf[static_cast<std::size_t>(input)]);
    }
    const auto* clamp = std::get_if<ClampOp>(&node.op);
    const bool isClampImplied = clamp != nullptr && grid != nullptr && gridImpliesClamp(*grid, *clamp);
    std::string tensor =
        isClampImplied ? inputs.front() : std::visit(Emit{*this, id, node, std::move(inputs)}, node.op);
    if (grid != nullptr) {
        tensor = emitQuantizeDequantize(node.name, emitGridLimits(id, tensor, *grid), *grid);
    }
    m_tensorOf[i] = std::move(tensor);
}

void OnnxGraphEmitter::emitConstantsOf(NodeId id, const FloatTensor& weight, const FloatTensor& bias,
                                       std::vector<std::string>& inputs) {
    const Layer* layer = m_layerOf[static_cast<std::size_t>(id)];
    const std::string& name = m_model.graph.node(id).name;
    const QParams* grid = layer == nullptr ? nullptr : storedGrid({layer->id, SiteKind::Weight});
    const QParams* planned = layer == nullptr ? nullptr : m_plan.find({layer->id, SiteKind::Weight});
    const bool isBaked = planned != nullptr && !planned->isUniform();
    const std::string onGrid =
        isBaked ? emitBakedWeight(name, weight, *planned) : emitWeight(name, weight, grid);
    inputs.push_back(layer == nullptr ? onGrid : emitCorrection(*layer, onGrid, weight.shape()));
    if (bias.defined()) {
        inputs.push_back(emitBias(name, bias, grid == nullptr ? nullptr : inputGrid(*layer), grid));
    }
}

/// Levels that are not evenly spaced have no codes in ONNX; their values as floats are exact.
std::string OnnxGraphEmitter::emitBakedWeight(const std::string& name, const FloatTensor& weight,
                                              const QParams& grid) {
    const std::int64_t channels = weight.shape().front();
    std::vector<float> values(static_cast<std::size_t>(weight.size()));
    fakeQuantizeTensor(weight.values(), values, grid, 1, channels, weight.size() / channels);
    return emitFloats(name + "/weight", weight.shape(), values);
}

std::string OnnxGraphEmitter::emitWeight(const std::string& name, const FloatTensor& weight,
                                         const QParams* grid) {
    if (grid == nullptr) {
        return emitFloats(name + "/weight", weight.shape(), weight.values());
    }
    const std::int64_t channels = weight.shape().front();
    std::vector<std::int32_t> codes(static_cast<std::size_t>(weight.size()));
    quantizeTensor(weight.values(), codes, *grid, 1, channels, weight.size() / channels);
    const OnnxCodeType type = *onnxCodeType(*grid);
    const Shape perChannel = grid->isPerChannel() ? Shape{channels} : Shape{};
    const std::vector<std::string> inputs{
        emitCodes(name + "/weight_codes", weight.shape(), codes, type),
        emitFloats(name + "/weight_scale", perChannel, grid->scale),
        emitCodes(name + "/weight_zero_point", perChannel, grid->zeroPoint, type)};
    return emitOperator("DequantizeLinear", name + "/weight", inputs,
                        grid->isPerChannel() ? Attributes{{"axis", std::int64_t{0}}} : Attributes{});
}

/// What correction does to the dequantized weights (WeightAffine), as float operators behind their codes.
std::string OnnxGraphEmitter::emitCorrection(const Layer& layer, const std::string& weight,
                                             const Shape& shape) {
    const auto found = m_plan.weightAffine.find(layer.id);
    if (found == m_plan.weightAffine.end()) {
        return weight;
    }
    const std::string& name = m_model.graph.node(layer.node).name;
    Shape perChannel(shape.size(), 1);
    perChannel.front() = shape.front();
    const auto isNot = [](const std::vector<float>& values, float neutral) {
        return std::any_of(values.begin(), values.end(), [&](float value) { return value != neutral; });
    };
    std::string tensor = weight;
    if (isNot(found->second.gain, 1)) {
        tensor = emitOperator("Mul", name + "/weight_scaled",
                              {tensor, emitFloats(name + "/weight_gain", perChannel, found->second.gain)});
    }
    if (isNot(found->second.shift, 0)) {
        tensor = emitOperator("Add", name + "/weight_corrected",
                              {tensor, emitFloats(name + "/weight_shift", perChannel, found->second.shift)});
    }
    return tensor;
}

std::string OnnxGraphEmitter::emitBias(const std::string& name, const FloatTensor& bias, const QParams* input,
                                       const QParams* weight) {
    if (input == nullptr || input->isPerChannel()) {
        return emitFloats(name + "/bias", bias.shape(), bias.values());
    }
    const QuantizedBias quantized = quantizedBias(bias.values(), *input, *weight);
    const std::string codes = m_onnx.uniqueName(name + "/bias_codes");
    m_onnx.constant(codes, bias.shape(), std::span<const std::int32_t>(quantized.codes));
    const bool isPerChannel = weight->isPerChannel();
    const Shape shape = isPerChannel ? Shape{static_cast<std::int64_t>(quantized.scale.size())} : Shape{};
    return emitOperator("DequantizeLinear", name + "/bias",
                        {codes, emitFloats(name + "/bias_scale", shape, quantized.scale)},
                        isPerChannel ? Attributes{{"axis", std::int64_t{0}}} : Attributes{});
}

std::string OnnxGraphEmitter::emitClip(const std::string& name, const std::string& input, double lower,
                                       double upper) {
    const bool isUnbounded = std::isinf(upper);
    if (lower == 0 && isUnbounded) {
        return emitOperator("Relu", name, {input});
    }
    const auto bound = [&](const char* suffix, double value) {
        const auto rounded = static_cast<float>(value);
        return emitFloats(name + suffix, {}, {&rounded, 1});
    };
    std::vector<std::string> inputs{input, std::isinf(lower) ? std::string() : bound("/min", lower)};
    if (!isUnbounded) {
        inputs.push_back(bound("/max", upper));
    }
    return emitOperator("Clip", name, inputs);
}

std::string OnnxGraphEmitter::emitGridLimits(NodeId id, const std::string& input, const QParams& grid) {
    const Limits type = limitsOf(*onnxCodeType(grid));
    if (grid.quantMin == type.lowest && grid.quantMax == type.highest) {
        return input;  // Q saturates there itself
    }
    const Node& node = m_model.graph.node(id);
    if (!grid.isPerChannel()) {
        return emitClip(node.name + "/limits", input, grid.representableLower(), grid.representableUpper());
    }
    std::vector<float> lower;
    std::vector<float> upper;
    for (std::size_t c = 0; c < grid.scale.size(); ++c) {
        lower.push_back(static_cast<float>(grid.representableLower(c)));
        upper.push_back(static_cast<float>(grid.representableUpper(c)));
    }
    Shape shape(node.outputShape.size(), 1);
    shape[1] = static_cast<std::int64_t>(grid.scale.size());
    const std::string raised =
        emitOperator("Max", node.name + "/raised", {input, emitFloats(node.name + "/lower", shape, lower)});
    return emitOperator("Min", node.name + "/limits",
                        {raised, emitFloats(node.name + "/upper", shape, upper)});
}

std::string OnnxGraphEmitter::emitQuantizeDequantize(const std::string& name, const std::string& input,
                                                     const QParams& grid) {
    const Shape shape = grid.isPerChannel() ? Shape{static_cast<std::int64_t>(grid.scale.size())} : Shape{};
    const Attributes axis =
        grid.isPerChannel() ? Attributes{{"axis", static_cast<std::int64_t>(*grid.axis)}} : Attributes{};
    const std::string scale = emitFloats(name + "/scale", shape, grid.scale);
    const std::string zeroPoint = emitCodes(name + "/zero_point", shape, grid.zeroPoint, *onnxCodeType(grid));
    const std::string codes =
        emitOperator("QuantizeLinear", name + "/codes", {input, scale, zeroPoint}, axis);
    return emitOperator("DequantizeLinear", name + "/dequantized", {codes, scale, zeroPoint}, axis);
}

std::string OnnxGraphEmitter::emitCodes(const std::string& name, const Shape& shape,
                                        std::span<const std::int32_t> codes, OnnxCodeType type) {
    std::string unique = m_onnx.uniqueName(name);
    if (type == OnnxCodeType::Int8) {
        m_onnx.constantInt8(unique, shape, codes);
    } else {
        m_onnx.constantUint8(unique, shape, codes);
    }
    return unique;
}

std::string OnnxGraphEmitter::emitFloats(const std::string& name, const Shape& shape,
                                         std::span<const float> values) {
    std::string unique = m_onnx.uniqueName(name);
    m_onnx.constant(unique, shape, values);
    return unique;
}

std::string OnnxGraphEmitter::emitOperator(const std::string& type, const std::string& name,
                                           const std::vector<std::string>& inputs,
                                           const Attributes& attributes) {
    std::string unique = m_onnx.uniqueName(name);
    m_onnx.node(type, unique, inputs, unique, attributes);
    return unique;
}

}  // namespace bitlathe::core
