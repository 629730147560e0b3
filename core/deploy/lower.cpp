#include "core/deploy/lowering.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

std::string outputSiteName(const LayerId& layer) {
    return layer == kInputLayer ? "the graph input" : "output of '" + layer.str() + "'";
}

/// Rows, columns and channels of a node's value: N,C,H,W or N,C.
IntegerTensor tensorOfShape(const Shape& shape, std::string name) {
    IntegerTensor tensor;
    tensor.name = std::move(name);
    tensor.channels = shape.size() > 1 ? static_cast<int>(shape[1]) : 1;
    if (shape.size() == 4) {
        tensor.rows = static_cast<int>(shape[2]);
        tensor.columns = static_cast<int>(shape[3]);
    }
    return tensor;
}

void setGrid(IntegerTensor& tensor, const TensorGrid& grid) {
    tensor.bits = bitsFor(grid.lower, grid.upper);
    tensor.isSigned = grid.lower < 0;
    tensor.zeroPoint = grid.zeroPoint;
    tensor.scale = static_cast<double>(grid.scale);
}

/// The model's output without what only reorders it.
NodeId lastComputedNode(const Graph& graph) {
    NodeId node = graph.output;
    while (std::holds_alternative<SoftmaxOp>(graph.node(node).op) ||
           std::holds_alternative<FlattenOp>(graph.node(node).op)) {
        node = graph.node(node).inputs.front();
    }
    return node;
}

}  // namespace

Lowering::Lowering(const PreparedModel& model, const QuantPlan& plan, const LoweringOptions& options)
    : m_model(model), m_plan(plan), m_options(options), m_lastNode(lastComputedNode(model.graph)) {}

IntegerGraph Lowering::run() {
    m_graph.name = m_model.graph.name;
    m_graph.modelHash = m_model.hash;
    lowerInput();
    for (const Layer& layer : m_model.layers) {
        const bool isLastSoftmax = std::holds_alternative<SoftmaxOp>(m_model.graph.node(layer.node).op) &&
                                   layer.outputNode == m_model.graph.output;
        if (!isLastSoftmax) {
            lowerLayer(layer);
        }
    }
    m_graph.output = tensorOf(m_lastNode);
    return std::move(m_graph);
}

void Lowering::lowerInput() {
    const QParams* const grid = m_plan.find({kInputLayer, SiteKind::Output});
    if (grid == nullptr) {
        throw Error(ErrorCode::InvalidConfig,
                    "the graph input is float; an integer model needs its input quantized to 1 to 8 bits");
    }
    IntegerTensor tensor = tensorOfShape(m_model.graph.inputShape(), kInputLayer.str());
    setGrid(tensor, tensorGrid(*grid, outputSiteName(kInputLayer)));
    m_graph.inputGrid = *grid;
    m_graph.input = addTensor(std::move(tensor));
    m_tensorOfNode[0] = m_graph.input;
}

void Lowering::lowerLayer(const Layer& layer) {
    const Operator& op = m_model.graph.node(layer.node).op;
    if (layer.hasWeights()) {
        return lowerWeighted(layer);
    }
    if (std::holds_alternative<AddOp>(op)) {
        return lowerAdd(layer);
    }
    if (std::holds_alternative<MulOp>(op)) {
        return lowerMul(layer);
    }
    if (const auto* concat = std::get_if<ConcatOp>(&op)) {
        return lowerConcat(layer, *concat);
    }
    if (const auto* pool = std::get_if<Pool2dOp>(&op)) {
        if (pool->kind == PoolKind::Max) {
            return lowerMaxPool(layer, *pool);
        }
        IntegerAveragePool average;
        average.countIncludePad = pool->countIncludePad;
        std::copy(pool->kernel.begin(), pool->kernel.end(), average.kernel.begin());
        std::copy(pool->stride.begin(), pool->stride.end(), average.stride.begin());
        std::copy(pool->padding.begin(), pool->padding.end(), average.padding.begin());
        return lowerAveragePool(layer, std::move(average));
    }
    if (std::holds_alternative<GlobalAveragePoolOp>(op)) {
        const Shape& shape = m_model.graph.node(layer.inputNodes.front()).outputShape;
        IntegerAveragePool average;
        average.kernel = {static_cast<int>(shape[2]), static_cast<int>(shape[3])};
        average.stride = average.kernel;
        return lowerAveragePool(layer, std::move(average));
    }
    if (std::holds_alternative<ClampOp>(op) || std::holds_alternative<UnaryOp>(op) ||
        std::holds_alternative<LeakyReluOp>(op)) {
        return lowerElementwise(layer, op);
    }
    failLowering(ErrorCode::UnsupportedOperator, layer.id,
                 "operator '" + std::string(operatorName(op)) +
                     "' has no integer form; fold it into a neighbour or take it out of the model");
}

int Lowering::tensorOf(NodeId node) const {
    const auto found = m_tensorOfNode.find(node);
    if (found != m_tensorOfNode.end()) {
        return found->second;
    }
    return tensorOf(m_model.graph.node(node).inputs.front());  // a flatten
}

int Lowering::inputOf(const Layer& layer, std::size_t index) {
    return tensorOf(layer.inputNodes[index]);
}

int Lowering::orderedInputOf(const Layer& layer, std::size_t index) {
    const NodeId node = layer.inputNodes[index];
    const int source = tensorOf(node);
    const IntegerTensor& tensor = m_graph.tensor(source);
    const bool isFlattened = std::holds_alternative<FlattenOp>(m_model.graph.node(node).op);
    if (!isFlattened || (tensor.rows == 1 && tensor.columns == 1)) {
        return source;
    }
    IntegerTensor flat = tensor;
    flat.name = m_model.graph.node(node).name;
    flat.channels = static_cast<int>(tensor.elements());
    flat.rows = 1;
    flat.columns = 1;
    const int target = addTensor(flat);
    m_graph.layers.push_back({LayerId(flat.name), LayerKind::Other, IntegerFlatten{}, {source}, target});
    m_tensorOfNode[node] = target;
    return target;
}

int Lowering::addTensor(IntegerTensor tensor) {
    m_graph.tensors.push_back(std::move(tensor));
    return static_cast<int>(m_graph.tensors.size()) - 1;
}

int Lowering::addOutputTensor(const Layer& layer, const Output& output) {
    IntegerTensor tensor = tensorOfShape(layer.outputShape, layer.id.str());
    if (output.grid == nullptr) {
        tensor.bits = 32;
        tensor.isSigned = true;
    } else {
        setGrid(tensor, tensorGrid(*output.grid, outputSiteName(layer.id)));
    }
    return addTensor(std::move(tensor));
}

void Lowering::add(const Layer& layer, IntegerOperator op, std::vector<int> inputs, int output) {
    m_graph.layers.push_back({layer.id, layer.kind, std::move(op), std::move(inputs), output});
    m_tensorOfNode[layer.outputNode] = output;
}

const Operator* Lowering::activationOf(const Layer& layer) const {
    const bool hasNone = layer.outputNode == layer.node || layer.outputNode == layer.batchNorm;
    return hasNone ? nullptr : &m_model.graph.node(layer.outputNode).op;
}

bool Lowering::makesTheOutput(const Layer& layer) const {
    return layer.outputNode == m_lastNode;
}

Rounding Lowering::requantizationRounding(const QParams& grid) const {
    return m_options.requantization.value_or(grid.rounding);
}

Lowering::Output Lowering::outputOf(const Layer& layer) {
    Output output;
    output.grid = m_plan.find({layer.id, SiteKind::Output});
    if (output.grid == nullptr) {
        if (layer.hasWeights() && makesTheOutput(layer) && activationOf(layer) == nullptr) {
            constexpr auto kInt32 = std::numeric_limits<std::int32_t>();
            output.rule.lower = kInt32.min();
            output.rule.upper = kInt32.max();
            return output;
        }
        throw Error(ErrorCode::InvalidConfig,
                    outputSiteName(layer.id) + " is float; an integer model needs every activation quantized "
                                               "to 1 to 8 bits (only a last convolution or linear layer "
                                               "without activation may keep its accumulators)");
    }
    const TensorGrid grid = tensorGrid(*output.grid, outputSiteName(layer.id));
    output.scale = grid.scale;
    output.rule.zeroPoint = grid.zeroPoint;
    output.rule.lower = grid.lower;
    output.rule.upper = grid.upper;
    output.rule.rounding = requantizationRounding(*output.grid);
    const Operator* const activation = activationOf(layer);
    if (const auto* clamp = activation == nullptr ? nullptr : std::get_if<ClampOp>(activation)) {
        if (clamp->isPerChannel() && !layer.hasWeights()) {
            failLowering(ErrorCode::UnsupportedOperator, layer.id,
                         "its activation has an upper end for each channel; integer models take that behind "
                         "convolutions and linear layers alone");
        }
        // Quantization is monotonic: clamping the code at the bounds' codes is clamping the value.
        const std::array<float, 2> bounds{static_cast<float>(clamp->lower), static_cast<float>(clamp->upper)};
        std::array<std::int32_t, 2> codes{};
        quantize(bounds, codes, *output.grid);
        output.rule.lower = codes[0];
        output.rule.upper = codes[1];
    }
    return output;
}

IntegerGraph lower(const PreparedModel& model, const QuantPlan& plan, const LoweringOptions& options) {
    return Lowering(model, plan, options).run();
}

}  // namespace bitlathe::core
