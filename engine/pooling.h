#pragma once

#include "core/graph/graph.h"

#include <ATen/core/Tensor.h>

namespace bitlathe::engine {

/// Maximum or average over windows, with padding that may differ per side.
/// x  N,C,H,W. A maximum never sees the padding; an average counts it only when `countIncludePad`. In ceil
/// mode a window
///    may reach past the padded edge, and what lies there is never counted (PyTorch's rule).
at::Tensor pool2d(const at::Tensor& x, const core::Pool2dOp& op);

}  // namespace bitlathe::engine
