#pragma once

#include "core/graph/graph.h"
#include "core/types/qparams.h"

namespace bitlathe::core {

/// True when the grid alone clamps as the activation does, for every input: the codes of both bounds are the
/// outermost, and quantization is monotonic. relu6 in front of a grid over [0, 5.9] is such a case; over
/// [-1, 5.9] it is not. Integer engines clamp by saturation.
bool gridImpliesClamp(const QParams& grid, const ClampOp& clamp);

}  // namespace bitlathe::core
