#pragma once

#include "core/data/batches.h"
#include "core/types/float_tensor.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace bitlathe::engine {

/// A view of the tensor's storage, which it keeps alive; read only. Undefined for an undefined tensor.
at::Tensor wrap(const core::FloatTensor& tensor);
/// A copy of a dense float tensor, row-major. Undefined for an undefined tensor.
core::FloatTensor unwrap(const at::Tensor& tensor);

/// The tensor with channels-last strides. 4-D only; others pass. Copies only where the memory order differs:
/// a depthwise or a 1×1 weight has the same order in both layouts.
at::Tensor toChannelsLast(const at::Tensor& tensor);

/// Views of a batch's memory, valid while the batch lives. Images come with channels-last strides where that
/// is free.
at::Tensor wrapImages(const core::Batch& batch);
at::Tensor wrapLabels(const core::Batch& batch);

/// Sizes as core's Shape.
core::Shape shapeOf(const at::Tensor& tensor);

}  // namespace bitlathe::engine
