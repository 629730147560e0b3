#pragma once

#include "core/plan/quant_plan.h"

#include <vector>

namespace bitlathe::core {

/// What surrounds a convolution's input under a plan: empty for real zero, else the value zero has on the input's grid, one
/// for the tensor or one for each channel. Real zero wherever that grid has it; sign grids, learned bases and grids whose
/// range lies apart from zero have none.
/// Errors  InvalidConfig: PaddingOrder::BeforeQuantization on an input of which each batch makes its own grid.
std::vector<float> paddingValue(const PreparedModel& model, const Layer& layer, const QuantPlan& plan);

}  // namespace bitlathe::core
