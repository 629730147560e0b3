#include "engine/layer_errors.h"

#include "engine/evaluator.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <c10/core/InferenceMode.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

/// Energies of a signal and of what was added to it.
struct EnergyPair {
    double signal = 0;
    double noise = 0;

    void add(const at::Tensor& reference, const at::Tensor& value) {
        const at::Tensor wide = reference.to(at::kDouble);
        const at::Tensor difference = wide.sub(value);
        signal += wide.square().sum().item().toDouble();
        noise += difference.square().sum().item().toDouble();
    }
    double sqnrDb() const {
        if (noise == 0) {
            return std::numeric_limits<double>::infinity();
        }
        return 10 * std::log10(signal / noise);
    }
};

/// One batch through the float model and the quantized one, node by node.
class SideBySide {
public:
    SideBySide(const core::PreparedModel& model, const core::QuantPlan& plan)
        : m_model(model), m_float(model.floatGraph(), ExecutionMode::Inference),
          m_quantized(makeQuantizedExecutor(model, plan)), m_isolated(model.layers.size()),
          m_accumulated(model.layers.size()) {
        for (const core::Layer& layer : model.layers) {
            m_layerOfNode[layer.node] = &layer;
            for (core::NodeId node = layer.outputNode; node != layer.node;
                 node = model.graph.node(node).inputs[0]) {
                m_layerOfNode[node] = &layer;
            }
        }
    }

    void addBatch(const at::Tensor& images) {
        Execution reference(m_float, images);
        Execution quantized(m_quantized, images);
        std::map<core::NodeId, at::Tensor> alone;  // values inside layers whose inputs were float
        for (core::NodeId id = 0; id <= m_model.graph.output; ++id) {
            const auto found = m_layerOfNode.find(id);
            if (found != m_layerOfNode.end()) {
                alone[id] = isolatedValue(*found->second, id, reference, alone);
            }
            reference.step(id);
            quantized.step(id);
            if (found != m_layerOfNode.end() && found->second->outputNode == id) {
                const auto i = static_cast<std::size_t>(found->second->index);
                m_isolated[i].add(reference.value(id), alone[id]);
                m_accumulated[i].add(reference.value(id), quantized.value(id));
                alone.erase(id);
            }
        }
    }

    std::vector<core::LayerError> errors() const {
        std::vector<core::LayerError> all;
        for (const core::Layer& layer : m_model.layers) {
            const auto i = static_cast<std::size_t>(layer.index);
            all.push_back({layer.id, m_isolated[i].sqnrDb(), m_accumulated[i].sqnrDb()});
        }
        return all;
    }

private:
    /// The node's value when only its layer is quantized.
    at::Tensor isolatedValue(const core::Layer& layer, core::NodeId id, const Execution& reference,
                             std::map<core::NodeId, at::Tensor>& alone) {
        std::vector<at::Tensor> inputs;
        for (const core::NodeId input : m_model.graph.node(id).inputs) {
            // Inside the layer the value so far; at its edge the float model's.
            const auto own = alone.find(input);
            const bool isInside = id != layer.node && own != alone.end();
            inputs.push_back(isInside ? own->second : reference.value(input));
            if (isInside) {
                alone.erase(own);
            }
        }
        return m_quantized.compute(id, std::move(inputs));
    }

    const core::PreparedModel& m_model;
    GraphExecutor m_float;
    GraphExecutor m_quantized;
    std::map<core::NodeId, const core::Layer*> m_layerOfNode;
    std::vector<EnergyPair> m_isolated;
    std::vector<EnergyPair> m_accumulated;
};

}  // namespace

std::vector<core::LayerError> measureLayerErrors(const core::PreparedModel& model,
                                                 const core::QuantPlan& plan, const core::BatchSource& data,
                                                 const core::RunContext& context) {
    const c10::InferenceMode inference;
    SideBySide pair(model, plan);
    core::Batch batch;
    const std::int64_t batches = data.batchCount();
    for (std::int64_t i = 0; i < batches; ++i) {
        context.checkpoint(i, batches, "batch " + std::to_string(i + 1) + " of " + std::to_string(batches));
        data.read(i, batch);
        requireInputShape(model.graph, batch.shape);
        pair.addBatch(wrapImages(batch));
    }
    context.checkpoint(batches, batches);
    return pair.errors();
}

}  // namespace bitlathe::engine
