#include "core/device/tensor_lifetimes.h"

#include <algorithm>
#include <variant>

namespace bitlathe::core {

namespace {

/// True when a max pool never reads a place it has already written, so that it can work in its input's
/// memory. Row-major planes or channels last alike: output (r, c) lands at r*W' + c with W' <= W, the first
/// place still to be read is (r*s - p)*W + (c+1)*s - p, which is further on for every stride s >= 2 with
/// padding p < s.
bool isSafeInPlace(const Pool2dOp& pool, const Shape& input, const Shape& output) {
    if (pool.kind != PoolKind::Max || input.size() != output.size()) {
        return false;
    }
    for (std::size_t i = 0; i < input.size(); ++i) {
        if (output[i] > input[i]) {
            return false;
        }
    }
    const auto& p = pool.padding;
    return pool.stride[0] >= 2 && pool.stride[1] >= 2 && std::max(p[0], p[2]) < pool.stride[0] &&
           std::max(p[1], p[3]) < pool.stride[1];
}

class Lifetimes {
public:
    explicit Lifetimes(const PreparedModel& model)
        : m_model(model), m_tensorOf(model.graph.nodes.size(), -1) {}

    TensorLifetimes run() {
        const auto layers = static_cast<int>(m_model.layers.size());
        m_result.tensors.reserve(m_model.layers.size() + 1);
        m_result.layers.resize(m_model.layers.size());
        for (int i = 0; i < layers; ++i) {
            collectInputs(m_model.layers[static_cast<std::size_t>(i)], i);
            placeOutput(m_model.layers[static_cast<std::size_t>(i)], i);
        }
        if (m_model.graph.output >= 0) {
            m_result.tensors[static_cast<std::size_t>(tensorOf(m_model.graph.output))].lastLayer = layers - 1;
        }
        decideInPlace();
        return std::move(m_result);
    }

private:
    /// The tensor that holds a node's values. A node no layer ends with is a flatten: a view of its input.
    int tensorOf(NodeId node) {
        int& tensor = m_tensorOf[static_cast<std::size_t>(node)];
        if (tensor < 0) {
            const std::vector<NodeId>& inputs = m_model.graph.node(node).inputs;
            tensor = inputs.empty() ? newTensor(node, -1) : tensorOf(inputs.front());
        }
        return tensor;
    }

    int newTensor(NodeId node, int producer) {
        const Shape& shape = m_model.graph.node(node).outputShape;
        m_result.tensors.push_back({node, producer, producer, elementCount(shape)});
        return static_cast<int>(m_result.tensors.size()) - 1;
    }

    void collectInputs(const Layer& layer, int index) {
        std::vector<int>& inputs = m_result.layers[static_cast<std::size_t>(index)].inputs;
        for (const NodeId node : layer.inputNodes) {
            const int tensor = tensorOf(node);
            m_result.tensors[static_cast<std::size_t>(tensor)].lastLayer = index;
            if (std::find(inputs.begin(), inputs.end(), tensor) == inputs.end()) {
                inputs.push_back(tensor);
            }
        }
    }

    void placeOutput(const Layer& layer, int index) {
        LayerTensors& places = m_result.layers[static_cast<std::size_t>(index)];
        places.output = newTensor(layer.outputNode, index);
        m_tensorOf[static_cast<std::size_t>(layer.outputNode)] = places.output;
    }

    /// After all readers are known: a pool may overwrite its input only when it is the last to read it.
    void decideInPlace() {
        for (std::size_t i = 0; i < m_result.layers.size(); ++i) {
            const Layer& layer = m_model.layers[i];
            LayerTensors& places = m_result.layers[i];
            const auto* pool = std::get_if<Pool2dOp>(&m_model.graph.node(layer.node).op);
            if (pool == nullptr || layer.isQuantizable || places.inputs.size() != 1) {
                continue;
            }
            const StoredTensor& input = m_result.tensors[static_cast<std::size_t>(places.inputs.front())];
            places.isOutputShared =
                input.lastLayer == static_cast<int>(i) &&
                isSafeInPlace(*pool, m_model.graph.node(layer.inputNodes.front()).outputShape,
                              m_model.graph.node(layer.outputNode).outputShape);
        }
    }

    const PreparedModel& m_model;
    std::vector<int> m_tensorOf;  ///< by node; -1: not decided yet
    TensorLifetimes m_result;
};

}  // namespace

TensorLifetimes tensorLifetimes(const PreparedModel& model) {
    return Lifetimes(model).run();
}

}  // namespace bitlathe::core
