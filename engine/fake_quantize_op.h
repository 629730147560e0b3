#pragma once

#include "core/types/qparams.h"

#include <ATen/core/Tensor.h>

namespace bitlathe::engine {

/// Fake-quantizes a float tensor of any dense layout with core's fused kernels, on all intra-op threads.
/// Handed over: overwritten in place when nobody else holds its memory, else a new tensor in the same layout.
/// Per-channel qparams run along dim 1 of an activation (N,C,H,W or N,C) or dim 0 of a weight.
/// Errors  ShapeMismatch: number of scales and channels differ.
at::Tensor fakeQuantize(at::Tensor value, const core::QParams& qparams);

}  // namespace bitlathe::engine
