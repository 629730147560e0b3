#pragma once

#include "core/graph/graph.h"
#include "core/types/qparams.h"

namespace bitlathe::core {

/// True when quantizing a clamped value gives the code of the value itself, for every value and slice: the
/// clamp's bounds fall on the grid's outermost codes, and quantization is monotonic. The clamp is then
/// redundant: integer engines do it by saturation.
bool gridImpliesClamp(const QParams& grid, const ClampOp& clamp);

} // namespace bitlathe::core
