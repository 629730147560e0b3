#include "engine/quantized_executor.h"

#include "core/plan/executed_layer.h"
#include "core/plan/padding_value.h"
#include "core/types/error.h"
#include "engine/fake_quantize_op.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"

#include <ATen/ops/tensor.h>

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

/// Each batch's own statistics, range and grid.
void quantizeOnline(GraphExecutor& executor, core::NodeId node, const core::SiteId& site,
                    const core::SiteQuant& quant) {
    const core::ChannelDetail detail = quant.granularity.kind == core::Granularity::Kind::Tensor
                                           ? core::ChannelDetail::Extrema
                                           : core::ChannelDetail::Histograms;
    executor.setHook(node, [site, quant, detail](at::Tensor value) {
        const core::SiteStatistics batch = collectStatistics(value, site.layer.str(), detail);
        return fakeQuantize(std::move(value), core::resolveSite(nullptr, {}, site, quant, &batch));
    });
}

}  // namespace

void quantizeWeights(GraphExecutor& executor, const core::PreparedModel& model, const core::Layer& layer,
                     const core::QuantPlan& plan) {
    if (plan.find({layer.id, core::SiteKind::Weight}) == nullptr) {
        return;
    }
    const core::ExecutedLayer executed = core::executedLayer(model, layer, plan);
    NodeTensors& tensors = executor.tensors(layer.node);
    tensors.weight = toChannelsLast(wrap(executed.weight));
    tensors.bias = wrap(executed.bias);
    if (layer.batchNorm < 0) {
        return;
    }
    if (!executed.batchNorm) {
        executor.bypass(layer.batchNorm);
        return;
    }
    NodeTensors& norm = executor.tensors(layer.batchNorm);
    norm.gamma = wrap(executed.batchNorm->gamma);
    norm.beta = wrap(executed.batchNorm->beta);
    norm.mean = wrap(executed.batchNorm->mean);
    norm.variance = wrap(executed.batchNorm->variance);
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
    for (const auto& [site, quant] : plan.online) {
        quantizeOnline(executor, nodeOfOutput(model, site), site, quant);
    }
    for (const core::LayerId& id : plan.paddedBefore) {
        const core::Layer& layer = layerOf(model, {id, core::SiteKind::Output});
        const std::vector<float> padding = core::paddingValue(model, layer, plan);
        if (!padding.empty()) {
            executor.tensors(layer.node).padding = at::tensor(padding);
        }
    }
    return executor;
}

}  // namespace bitlathe::engine
