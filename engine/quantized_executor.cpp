#include "engine/quantized_executor.h"

#include "core/plan/quantized_bias.h"
#include "core/types/error.h"
#include "engine/fake_quantize_op.h"
#include "engine/tensor_bridge.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

const core::Layer& layerOf(const core::PreparedModel& model, const core::SiteId& site) {
    const core::Layer* const layer = model.findLayer(site.layer);
    if (layer == nullptr) {
        throw core::Error(core::ErrorCode::InvalidConfig, "the configuration quantizes layer '" +
                                                              site.layer.str() + "', which model '" +
                                                              model.graph.name + "' does not have");
    }
    return *layer;
}

core::NodeId nodeOfOutput(const core::PreparedModel& model, const core::SiteId& site) {
    return site.layer == core::kInputLayer ? 0 : layerOf(model, site).outputNode;
}

void quantizeOutput(GraphExecutor& executor, core::NodeId node, const core::QParams& grid) {
    const auto* const clamp = std::get_if<core::ClampOp>(&executor.graph().node(node).op);
    if (clamp != nullptr && gridImpliesClamp(grid, *clamp)) {
        executor.bypass(node);  // one pass over the tensor instead of two
    }
    executor.setGrid(node, grid);
}

/// Grid of the tensor the layer reads; null when it is float.
const core::QParams* inputGrid(const core::PreparedModel& model, const core::Layer& layer,
                               const core::QuantPlan& plan) {
    const std::optional<core::SiteId> site = model.siteOfTensor(layer.inputNodes.front());
    return site ? plan.find(*site) : nullptr;
}

at::Tensor onAccumulatorGrid(const core::FloatTensor& bias, const core::QParams& input,
                             const core::QParams& weight) {
    const core::QuantizedBias quantized = core::quantizedBias(bias.values(), input, weight);
    std::vector<float> values(quantized.codes.size());
    for (std::size_t channel = 0; channel < values.size(); ++channel) {
        values[channel] = quantized.value(channel);
    }
    return wrap({bias.shape(), std::move(values)});
}

}  // namespace

void quantizeWeights(GraphExecutor& executor, const core::PreparedModel& model, const core::Layer& layer,
                     const core::QuantPlan& plan) {
    const core::QParams* const grid = plan.find({layer.id, core::SiteKind::Weight});
    if (grid == nullptr) {
        return;
    }
    if (!layer.hasWeights()) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "the configuration quantizes the weights of layer '" + layer.id.str() +
                              "', which has none");
    }
    NodeTensors& tensors = executor.tensors(layer.node);
    tensors.weight = toChannelsLast(fakeQuantize(wrap(core::layerWeights(model, layer)), *grid));
    const core::QParams* const input = inputGrid(model, layer, plan);
    const bool hasAccumulatorGrid =
        input != nullptr && !input->isPerChannel() && input->isUniform() && grid->isUniform();
    if (hasAccumulatorGrid && tensors.bias.defined()) {
        tensors.bias = onAccumulatorGrid(core::layerBias(model, layer), *input, *grid);
    }
}

GraphExecutor makeQuantizedExecutor(const core::PreparedModel& model, const core::QuantPlan& plan) {
    GraphExecutor executor(model.graph, ExecutionMode::Inference);
    for (const auto& [site, grid] : plan.sites) {
        if (site.kind == core::SiteKind::Weight) {
            quantizeWeights(executor, model, layerOf(model, site), plan);
        } else {
            quantizeOutput(executor, nodeOfOutput(model, site), grid);
        }
    }
    return executor;
}

}  // namespace bitlathe::engine
