#pragma once

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "engine/graph_executor.h"

namespace bitlathe::engine {

/// An inference executor that computes with the plan's grids: weights fake-quantized once, biases on the grid
/// of the int32 accumulator where input and weights are quantized (as the exported model has them), site
/// outputs fake-quantized in place behind the layer's activation. An empty plan gives the float model. Errors
/// InvalidConfig: the plan names a layer the model lacks, or a weight site of a layer without weights.
GraphExecutor makeQuantizedExecutor(const core::PreparedModel& model, const core::QuantPlan& plan);

/// The part of it that concerns one layer's weight and bias.
void quantizeWeights(GraphExecutor& executor, const core::PreparedModel& model, const core::Layer& layer,
                     const core::QuantPlan& plan);

/// True when the grid alone clamps as the activation does, for every input: the codes of both bounds are the
/// outermost. relu6 in front of a grid over [0, 5.9] is such a case; over [-1, 5.9] it is not.
bool gridImpliesClamp(const core::QParams& grid, const core::ClampOp& clamp);

} // namespace bitlathe::engine
