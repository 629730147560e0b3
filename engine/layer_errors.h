#pragma once

#include "core/engine/engine.h"

#include <vector>

namespace bitlathe::engine {

/// SQNR of each layer's output in decibels, 10 log10(sum y² / sum (y - ŷ)²), over all batches of `data`.
/// Isolated: the layer's own weights, bias and output quantized, its inputs as the float model makes them.
/// Accumulated: the output of the quantized model against the float model's. Both run side by side, one node
/// at a time. Infinity where nothing differs. Memory: the live activations of one batch, three times.
std::vector<core::LayerError> measureLayerErrors(const core::PreparedModel& model,
                                                 const core::QuantPlan& plan, const core::BatchSource& data,
                                                 const core::RunContext& context);

}  // namespace bitlathe::engine
