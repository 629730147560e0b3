#pragma once

#include "core/types/qparams.h"

#include <ATen/core/Tensor.h>

namespace bitlathe::engine {

/// Fake-quantization that trains: the value of fakeQuantize(), and a gradient that passes where the unclamped
/// code is one of the codes (README eq. 2; core::fakeQuantizeBackward) and is zero elsewhere. Fused both ways;
/// keeps one byte a value for the backward pass and not the input. Layout as the input's, float only.
/// Errors  ShapeMismatch: number of scales and channels differ.
at::Tensor fakeQuantizeStraightThrough(const at::Tensor& value, const core::QParams& qparams);

}  // namespace bitlathe::engine
