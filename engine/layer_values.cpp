#include "engine/layer_values.h"

#include "engine/evaluator.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"

#include <c10/core/InferenceMode.h>

namespace bitlathe::engine {

std::vector<core::FloatTensor> computeLayerValues(const core::PreparedModel& model,
                                                  const core::QuantPlan& plan, const core::Batch& batch) {
    const c10::InferenceMode inference;
    requireInputShape(model.graph, batch.shape);
    const GraphExecutor executor = makeQuantizedExecutor(model, plan);
    Execution execution(executor, wrapImages(batch));
    std::vector<core::FloatTensor> values(model.layers.size() + 1);
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(model.graph.nodes.size()); ++id) {
        execution.step(id);
        if (id == 0) {
            values[0] = unwrap(execution.value(id));
        }
        for (const core::Layer& layer : model.layers) {
            if (layer.outputNode == id) {
                values[static_cast<std::size_t>(layer.index) + 1] = unwrap(execution.value(id));
            }
        }
    }
    return values;
}

}  // namespace bitlathe::engine
