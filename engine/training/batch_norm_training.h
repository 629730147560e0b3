#pragma once

#include "core/graph/graph.h"
#include "core/train/train_options.h"
#include "engine/batch_norm_op.h"
#include "engine/operators.h"

#include <ATen/core/Tensor.h>

#include <memory>

namespace bitlathe::engine {

class Workers;

/// A convolution or linear with the batch norm that can be folded into it, as training computes them.
struct FoldablePair {
    const core::Node* node = nullptr;
    const core::Node* norm = nullptr;                      ///< null: none
    NodeTensors* tensors = nullptr;                        ///< weight and bias
    core::Precision precision = core::Precision::Float32;  ///< of the operator itself
    std::shared_ptr<const Workers> workers;                ///< whose images count; null: this process's alone
    NodeTensors* statistics = nullptr;                     ///< gamma, beta, running mean and variance

    const core::BatchNormOp& normOp() const { return std::get<core::BatchNormOp>(norm->op); }
    /// The operator with another weight and bias.
    at::Tensor compute(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const;
};

/// Per output channel: y = factor (c - mean) + beta with c the operator's output, bias included.
struct ChannelFactor {
    at::Tensor factor;  ///< gamma / sqrt(variance + eps)
    at::Tensor mean;
};

/// From the running statistics, which are constants; the gradient reaches gamma (README eq. 81).
ChannelFactor runningFactor(const FoldablePair& pair);
/// From the statistics of `output` N,C,H,W, through which the gradient flows; the running ones are updated
/// (PyTorch's momentum, unbiased variance). README eq. 84.
ChannelFactor batchFactor(const FoldablePair& pair, const at::Tensor& output);

/// The factor with numbers nearer to 0 than 1e-6 moved there, so that it can be divided by; they get no gradient.
at::Tensor divisible(const at::Tensor& factor);

/// weight times factor along dim 0.
at::Tensor foldedWeight(const at::Tensor& weight, const ChannelFactor& factor);
/// beta + (bias - mean) factor.
at::Tensor foldedBias(const FoldablePair& pair, const ChannelFactor& factor);

/// Batch norm as the graph has it; with `isFrozen` on the running statistics, which stay.
at::Tensor normalise(const FoldablePair& pair, const at::Tensor& x, bool isFrozen);
/// Whether normaliseAndEnd takes this layer and value.
bool canEndInOnePass(const FoldablePair& pair, const at::Tensor& x);
/// normalise(x / factor) with the batch's statistics and what is behind it, in the fewest passes. factor  undefined: 1
at::Tensor normaliseAndEnd(const FoldablePair& pair, const at::Tensor& x, const at::Tensor& factor,
                           const NormEnding& ending);
/// x / factor per channel.
at::Tensor unscaled(const at::Tensor& x, const at::Tensor& factor);
/// Updates the running statistics from a folded layer's output, from which c = (y - beta) / factor + mean is
/// known without computing it (README eq. 85). Channels with |factor| < 1e-6 keep theirs.
void followFoldedOutput(const FoldablePair& pair, const ChannelFactor& factor, const at::Tensor& output);

/// `value` with the gradient of `path` (README eq. 82).
at::Tensor withGradientOf(const at::Tensor& value, const at::Tensor& path);

}  // namespace bitlathe::engine
