#pragma once

#include "core/graph/graph.h"
#include "core/types/qparams.h"
#include "core/types/range.h"
#include "engine/operators.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

namespace bitlathe::engine {

/// What is done to the normalised values before they are written for the first time.
struct NormEnding {
    std::optional<core::ClampOp> clamp;
    /// From the extrema of the clamped values to the grid they are fake-quantized on, per tensor, the gradient
    /// passing straight through (core::fakeQuantizeBackward); an empty grid: they stay as they are. Null: none.
    std::function<std::optional<core::QParams>(const core::Range&)> grid;
};

/// Batch norm with the batch's statistics, and what is behind it in the same pass, both ways:
///
///   u = x / factor      y = fakeQuantize(clamp(gamma (u - mean) / sqrt(variance + epsilon) + beta, lower, upper))
///
/// The factor is folded into the normalisation, and the grid's mask is a band of the clamped values, so that neither
/// costs a pass or memory of its own.
/// mean and (biased) variance over N,H,W of the batch; running statistics move by `momentum`, the running
/// variance towards the unbiased one, as LibTorch does. The gradient of x, gamma and beta is exact; a value on
/// a bound passes none. Keeps x alone for the backward pass. Sums have a fixed order: the number of threads
/// changes no bit.
/// x       N,C,H,W float; computed in channels-last order, whatever the order it comes in. LibTorch's own
///         kernel takes three times as long in that order.
/// factor  one number a channel, not 0, differentiable; undefined: 1
/// Errors  ShapeMismatch: fewer than two values a channel, which have no variance. NonFiniteInput: x holds NaN or Inf
///         and a grid is wanted.
at::Tensor batchNormForTraining(const at::Tensor& x, const at::Tensor& factor, const NodeTensors& tensors,
                                const core::BatchNormOp& op, const NormEnding& ending);

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
