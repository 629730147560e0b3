#pragma once

#include "core/graph/graph.h"
#include "engine/operators.h"

#include <ATen/core/Tensor.h>

#include <optional>

namespace bitlathe::engine {

/// Batch norm with the batch's statistics, and the clamp behind it in the same pass, both ways:
///
///   y = clamp(gamma (x - mean) / sqrt(variance + epsilon) + beta, lower, upper)
///
/// mean and (biased) variance over N,H,W of the batch; running statistics move by `momentum`, the running
/// variance towards the unbiased one, as LibTorch does. The gradient of x, gamma and beta is exact; a value on
/// a bound passes none. Keeps x alone for the backward pass. Sums have a fixed order: the number of threads
/// changes no bit.
/// x       N,C,H,W float; computed in channels-last order, whatever the order it comes in. LibTorch's own
///         kernel takes three times as long in that order.
/// Errors  ShapeMismatch: fewer than two values a channel, which have no variance.
at::Tensor batchNormForTraining(const at::Tensor& x, const NodeTensors& tensors, const core::BatchNormOp& op,
                                const std::optional<core::ClampOp>& clamp);

/// Mean and biased variance of each channel over N,H,W, as batchNormForTraining computes them. No gradient.
/// x  N,C,H,W float on the CPU, not empty
struct ChannelMoments {
    at::Tensor mean, variance;
};
ChannelMoments channelMoments(const at::Tensor& x);

/// Whether the clamp's gradient is that of the fused form: LibTorch's clamp passes the gradient of a value on
/// a bound where relu and hardtanh do not.
bool isFusable(const core::ClampOp& clamp);

}  // namespace bitlathe::engine
