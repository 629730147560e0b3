#pragma once

#include "core/graph/layer.h"
#include "core/plan/clamp_in_grid.h"
#include "core/plan/quant_plan.h"
#include "engine/graph_executor.h"

namespace bitlathe::engine {

/// An inference executor that computes with the plan's grids: weights fake-quantized once, biases on the grid
/// of the int32 accumulator where input and weights are quantized uniformly (as the exported model has them), site
/// outputs fake-quantized in place behind the layer's activation. An empty plan gives the float model. Errors
/// InvalidConfig: the plan names a layer the model lacks, or a weight site of a layer without weights.
GraphExecutor makeQuantizedExecutor(const core::PreparedModel& model, const core::QuantPlan& plan);

/// The part of it that concerns one layer's weight and bias.
void quantizeWeights(GraphExecutor& executor, const core::PreparedModel& model, const core::Layer& layer,
                     const core::QuantPlan& plan);

/// Whether a clamp in front of a grid can be left out; the exporters ask the same.
using core::gridImpliesClamp;

}  // namespace bitlathe::engine
