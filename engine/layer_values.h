#pragma once

#include "core/engine/engine.h"

#include <vector>

namespace bitlathe::engine {

/// Engine::layerValues: the operators one by one as evaluation of single layers has them, nothing fused across a
/// layer's end.
std::vector<core::FloatTensor> computeLayerValues(const core::PreparedModel& model,
                                                  const core::QuantPlan& plan, const core::Batch& batch);

}  // namespace bitlathe::engine
