#pragma once

#include "core/quantizers/quantizer.h"
#include "core/quantizers/trainable_quantizer.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace bitlathe::engine {

/// Fake-quantization on a given grid, differentiable in x (README eq. 76): the gradient passes straight through
/// where `rule` says.
at::Tensor quantizeOnGrid(const at::Tensor& x, const core::QParams& grid, core::StraightThrough rule);

/// Fake-quantization by a quantizer that learns, differentiable in x and in its parameters (README eq. 77).
/// parameters  in the quantizer's order; those that do not require a gradient get none
/// axis        empty: one slice; otherwise slices run along it in runs of `channelsPerSlice`
at::Tensor quantizeLearned(const at::Tensor& x,
                           const std::shared_ptr<const core::TrainableQuantizer>& quantizer,
                           const std::vector<at::Tensor>& parameters, const core::SliceLayout& layout);

/// How a tensor of these sizes is cut: dim 0 of a weight, dim 1 of an activation.
core::SliceLayout sliceLayout(at::IntArrayRef sizes, std::optional<int> axis, std::int64_t slices);

/// The tensor in an order of memory in which `layout` describes it.
at::Tensor inSliceOrder(const at::Tensor& x, const core::SliceLayout& layout, int axis);

}  // namespace bitlathe::engine
