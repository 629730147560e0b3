#include "core/graph/prepare.h"

#include "core/graph/batch_norm.h"
#include "core/types/error.h"

#include <algorithm>
#include <string>

namespace bitlathe::core {

namespace {

bool isActivation(const Operator& op) {
    return std::holds_alternative<ClampOp>(op) || std::holds_alternative<UnaryOp>(op) ||
           std::holds_alternative<LeakyReluOp>(op);
}

bool takesActivation(const Operator& op) {
    return std::holds_alternative<Conv2dOp>(op) || std::holds_alternative<LinearOp>(op) ||
           std::holds_alternative<AddOp>(op) || std::holds_alternative<BatchNormOp>(op);
}

std::string windowText(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
    std::string text = std::to_string(rows) + "×" + std::to_string(columns);
    return stride > 1 ? text + " /" + std::to_string(stride) : text;
}

/// Fills what depends on the operator alone.
class Describe {
public:
    Describe(Layer& layer, const Node& node) : m_layer(layer), m_node(node) {}

    void operator()(const Conv2dOp& op) const {
        const Shape& weight = op.weight.shape();
        const bool isDepthwise = op.groups > 1 && weight[1] == 1 && op.groups == weight[0];
        const bool isPointwise = weight[2] == 1 && weight[3] == 1 && op.groups == 1;
        m_layer.kind = isDepthwise   ? LayerKind::DepthwiseConv
                       : isPointwise ? LayerKind::PointwiseConv
                                     : LayerKind::Conv;
        m_layer.operation = (isDepthwise ? "dw " : "conv ") + windowText(weight[2], weight[3], op.stride[0]);
        if (op.groups > 1 && !isDepthwise) {
            m_layer.operation += ", " + std::to_string(op.groups) + " groups";
        }
        weights(op.weight, op.bias);
        m_layer.macs = elementCount(m_node.outputShape) * weight[1] * weight[2] * weight[3];
    }
    void operator()(const LinearOp& op) const {
        m_layer.kind = LayerKind::Linear;
        m_layer.operation = "linear";
        weights(op.weight, op.bias);
        m_layer.macs = elementCount(m_node.outputShape) * op.weight.shape()[1];
    }
    void operator()(const AddOp&) const { plain(LayerKind::Add, "add"); }
    void operator()(const MulOp&) const { plain(LayerKind::Mul, "multiply"); }
    void operator()(const ConcatOp&) const { plain(LayerKind::Concat, "concat"); }
    void operator()(const Pool2dOp& op) const {
        const bool isMax = op.kind == PoolKind::Max;
        plain(isMax ? LayerKind::MaxPool : LayerKind::AveragePool,
              (isMax ? "max pool " : "average pool ") + windowText(op.kernel[0], op.kernel[1], op.stride[0]));
        // The largest of some codes is one of them: a max pool keeps its input's grid.
        m_layer.isQuantizable = !isMax;
    }
    void operator()(const GlobalAveragePoolOp&) const {
        plain(LayerKind::AveragePool, "global average pool");
    }
    void operator()(const SoftmaxOp&) const {
        plain(LayerKind::Other, "softmax");
        m_layer.isQuantizable = false;  // behind the last integer layer: only its order matters
    }
    template <typename Other>
    void operator()(const Other&) const {
        plain(LayerKind::Other, std::string(operatorName(m_node.op)));
    }

private:
    void plain(LayerKind kind, std::string operation) const {
        m_layer.kind = kind;
        m_layer.operation = std::move(operation);
    }
    void weights(const FloatTensor& weight, const FloatTensor& bias) const {
        m_layer.weightShape = weight.shape();
        m_layer.weightCount = weight.size();
        m_layer.hasBias = bias.defined();
    }

    Layer& m_layer;
    const Node& m_node;
};

/// The only reader of a node's value that is more than a look from outside; -1 when it has several, or is the
/// graph's output.
NodeId onlyReader(const Graph& graph, const std::vector<std::vector<NodeId>>& readers, NodeId id) {
    const auto& consumers = readers[static_cast<std::size_t>(id)];
    return consumers.size() == 1 && id != graph.output ? consumers.front() : -1;
}

std::vector<Layer> groupIntoLayers(const Graph& graph) {
    const auto readers = graph.consumers();
    const auto partners = batchNormPartners(graph);
    std::vector<bool> isTaken(graph.nodes.size(), false);
    std::vector<Layer> layers;
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
        const Node& node = graph.node(id);
        if (isTaken[static_cast<std::size_t>(id)] || std::holds_alternative<InputOp>(node.op) ||
            std::holds_alternative<FlattenOp>(node.op)) {
            continue;
        }
        Layer layer;
        layer.id = LayerId(node.name);
        layer.index = static_cast<int>(layers.size());
        layer.node = id;
        layer.outputNode = id;
        layer.inputNodes = node.inputs;
        std::visit(Describe(layer, node), node.op);

        if (const auto partner = partners.find(id); partner != partners.end()) {
            layer.batchNorm = layer.outputNode = partner->second;
            isTaken[static_cast<std::size_t>(partner->second)] = true;
        }
        const NodeId reader = onlyReader(graph, readers, layer.outputNode);
        if (takesActivation(node.op) && reader >= 0 && isActivation(graph.node(reader).op)) {
            layer.outputNode = reader;
            isTaken[static_cast<std::size_t>(reader)] = true;
        }
        layer.outputShape = graph.node(layer.outputNode).outputShape;
        layer.outputElements = elementCount(layer.outputShape);
        layer.outputChannels = layer.outputShape.size() > 1 ? layer.outputShape[1] : 1;
        for (const NodeId input : layer.inputNodes) {
            layer.inputElements += elementCount(graph.node(input).outputShape);
        }
        layers.push_back(std::move(layer));
    }
    return layers;
}

}  // namespace

PreparedModel prepare(const Graph& graph, const Shape& inputShape, const std::set<LayerId>& keep) {
    PreparedModel model;
    model.graph = foldBatchNorm(graph, keep);
    Shape shape = inputShape.empty() ? graph.inputShape() : inputShape;
    if (shape.size() == 3) {
        shape.insert(shape.begin(), 1);
    }
    if (shape.size() != 4) {
        throw Error(ErrorCode::ModelFormat,
                    "the input shape of model '" + graph.name +
                        "' is not known; give it as channels,rows,columns, e.g. 1,32,32");
    }
    inferShapes(model.graph, shape);
    model.layers = groupIntoLayers(model.graph);
    std::set<LayerId> normalised;
    for (const auto& [source, norm] : batchNormPartners(graph)) {
        normalised.insert(LayerId(graph.node(source).name));
    }
    for (Layer& layer : model.layers) {
        layer.hasBatchNorm = normalised.contains(layer.id);
    }
    if (std::none_of(model.layers.begin(), model.layers.end(),
                     [](const Layer& layer) { return layer.hasWeights(); })) {
        throw Error(ErrorCode::ModelFormat,
                    "model '" + graph.name +
                        "' holds no convolution and no linear layer: nothing to quantize");
    }
    model.hash = graphHash(model.graph);
    model.imported = std::make_shared<const Graph>(graph);
    return model;
}

std::set<LayerId> layersKeepingBatchNorm(const QuantConfig& config) {
    std::set<LayerId> keep;
    for (const auto& [id, quant] : config.layers) {
        if (quant.batchNorm != BatchNormMode::Folded) {
            keep.insert(id);
        }
    }
    return keep;
}

PreparedModel preparedFor(const PreparedModel& model, const QuantConfig& config) {
    const std::set<LayerId> keep = layersKeepingBatchNorm(config);
    const bool isAsWanted = std::all_of(model.layers.begin(), model.layers.end(), [&](const Layer& layer) {
        return !layer.hasBatchNorm || (layer.batchNorm >= 0) == keep.contains(layer.id);
    });
    if (isAsWanted) {
        return model;
    }
    if (!model.imported) {
        throw Error(ErrorCode::InvalidConfig,
                    "the configuration changes how batch norm is treated, but model '" + model.graph.name +
                        "' is only known as it was prepared; load it from its file");
    }
    return prepare(*model.imported, model.graph.inputShape(), keep);
}

}  // namespace bitlathe::core
