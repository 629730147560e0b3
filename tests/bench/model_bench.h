#pragma once

#include "core/data/batches.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "engine/graph_executor.h"

namespace bitlathe::bench {

/// Random images of the model's input shape; what they show makes no difference to the time.
core::Batch randomBatch(const core::Shape& inputShape, std::int64_t size);

/// A float executor that collects every site's statistics, as calibration does; `model` and `statistics` must
/// outlive it.
engine::GraphExecutor observingExecutor(const core::PreparedModel& model, core::Statistics& statistics);

/// Symmetric weights per channel, affine activations, 8 bits everywhere.
core::QuantConfig eightBitConfig(const core::PreparedModel& model, core::Granularity::Kind activations);
core::QuantPlan eightBitPlan(const core::PreparedModel& model, const core::Statistics& statistics,
                             core::Granularity::Kind activations);

}  // namespace bitlathe::bench
