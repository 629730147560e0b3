#include "engine/training/batch_norm_training.h"

#include "engine/training/workers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace bitlathe::engine {

namespace {

constexpr double kDeadFactor = 1e-6;

at::Tensor gammaOf(const FoldablePair& pair) {
    const NodeTensors& norm = *pair.statistics;
    return norm.gamma.defined() ? norm.gamma : at::ones_like(norm.mean);
}

at::Tensor betaOf(const FoldablePair& pair) {
    const NodeTensors& norm = *pair.statistics;
    return norm.beta.defined() ? norm.beta : at::zeros_like(norm.mean);
}

ChannelFactor factorFrom(const FoldablePair& pair, const at::Tensor& mean, const at::Tensor& variance) {
    return {gammaOf(pair).mul(at::rsqrt(variance.add(pair.normOp().epsilon))), mean};
}

/// All dimensions but the channels'.
std::vector<std::int64_t> reducedDims(const at::Tensor& x) {
    return x.dim() == 4 ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{0};
}

/// One number per channel in the shape that multiplies x.
at::Tensor alongChannels(const at::Tensor& values, const at::Tensor& x) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape[1] = values.size(0);
    return values.view(shape);
}

/// What the fused kernels take.
bool isPlain(const at::Tensor& x) {
    return x.dim() == 4 && x.numel() > 0 && x.device().is_cpu() && x.scalar_type() == at::kFloat;
}

double samplesPerChannel(const at::Tensor& x) {
    return static_cast<double>(x.numel()) / static_cast<double>(x.size(1));
}

/// Of each channel over everything else.
struct Moments {
    at::Tensor mean;
    at::Tensor variance;  ///< biased
    double count = 0;     ///< values a channel has

    at::Tensor unbiased() const { return variance.detach().mul(count / std::max(1.0, count - 1)); }
};

/// Over the images of all workers; differentiable.
Moments momentsOf(const FoldablePair& pair, const at::Tensor& x) {
    const std::vector<std::int64_t> dims = reducedDims(x);
    if (pair.workers == nullptr && !x.requires_grad() && isPlain(x)) {
        const ChannelMoments moments = channelMoments(x);
        return {moments.mean, moments.variance, samplesPerChannel(x)};
    }
    if (pair.workers == nullptr) {
        auto [variance, mean] = at::var_mean(x, dims, /*unbiased=*/false);
        return {mean, variance, samplesPerChannel(x)};
    }
    Moments moments;
    moments.count = pair.workers->sum(samplesPerChannel(x));
    moments.mean = sumOverWorkers(x.sum(dims), pair.workers).div(moments.count);
    const at::Tensor centred = x.sub(alongChannels(moments.mean, x));
    moments.variance = sumOverWorkers(centred.square().sum(dims), pair.workers).div(moments.count);
    return moments;
}

void moveRunning(const FoldablePair& pair, const at::Tensor& mean, const at::Tensor& unbiasedVariance) {
    const double momentum = pair.normOp().momentum;
    pair.statistics->mean.mul_(1 - momentum).add_(mean, momentum);
    pair.statistics->variance.mul_(1 - momentum).add_(unbiasedVariance, momentum);
}

class Substitute : public torch::autograd::Function<Substitute> {
public:
    static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& value,
                              const at::Tensor& /*path*/) {
        return value.alias();
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                   torch::autograd::variable_list gradients) {
        return {at::Tensor(), gradients[0]};
    }
};

}  // namespace

at::Tensor FoldablePair::compute(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias) const {
    NodeTensors other;
    if (precision == core::Precision::Float32) {
        other.weight = weight;
        other.bias = bias;
        return applyOperator(*node, other, {x}, ExecutionMode::Training);
    }
    other.weight = weight.to(at::kBFloat16);
    other.bias = bias.defined() ? bias.to(at::kBFloat16) : bias;
    return applyOperator(*node, other, {x.to(at::kBFloat16)}, ExecutionMode::Training).to(at::kFloat);
}

ChannelFactor runningFactor(const FoldablePair& pair) {
    return factorFrom(pair, pair.statistics->mean, pair.statistics->variance);
}

ChannelFactor batchFactor(const FoldablePair& pair, const at::Tensor& output) {
    const Moments moments = momentsOf(pair, output);
    {
        const at::NoGradGuard noGrad;
        moveRunning(pair, moments.mean.detach(), moments.unbiased());
    }
    return factorFrom(pair, moments.mean, moments.variance);
}

at::Tensor foldedWeight(const at::Tensor& weight, const ChannelFactor& factor) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(weight.dim()), 1);
    shape[0] = weight.size(0);
    return weight.mul(factor.factor.view(shape));
}

at::Tensor foldedBias(const FoldablePair& pair, const ChannelFactor& factor) {
    const at::Tensor& bias = pair.tensors->bias;
    const at::Tensor offset = bias.defined() ? bias.sub(factor.mean) : factor.mean.neg();
    return betaOf(pair).add(offset.mul(factor.factor));
}

at::Tensor normalise(const FoldablePair& pair, const at::Tensor& x, bool isFrozen) {
    if (!isFrozen && pair.workers != nullptr) {
        const ChannelFactor factor = batchFactor(pair, x);
        return x.sub(alongChannels(factor.mean, x))
            .mul(alongChannels(factor.factor, x))
            .add(alongChannels(betaOf(pair), x));
    }
    if (!isFrozen) {
        return isPlain(x) ? batchNormForTraining(x, {}, *pair.statistics, pair.normOp(), {})
                          : applyOperator(*pair.norm, *pair.statistics, {x}, ExecutionMode::Training);
    }
    const NodeTensors& norm = *pair.statistics;
    return at::batch_norm(x, norm.gamma, norm.beta, norm.mean, norm.variance, /*training=*/false,
                          pair.normOp().momentum, pair.normOp().epsilon, /*cudnn_enabled=*/false);
}

at::Tensor divisible(const at::Tensor& factor) {
    const at::Tensor least =
        at::where(factor.lt(0), at::full_like(factor, -kDeadFactor), at::full_like(factor, kDeadFactor));
    return at::where(factor.abs().lt(kDeadFactor), least.detach(), factor);
}

bool canEndInOnePass(const FoldablePair& pair, const at::Tensor& x) {
    return pair.workers == nullptr && isPlain(x);
}

at::Tensor normaliseAndEnd(const FoldablePair& pair, const at::Tensor& x, const at::Tensor& factor,
                           const NormEnding& ending) {
    return batchNormForTraining(x, factor, *pair.statistics, pair.normOp(), ending);
}

at::Tensor unscaled(const at::Tensor& x, const at::Tensor& factor) {
    return x.div(alongChannels(factor, x));
}

void followFoldedOutput(const FoldablePair& pair, const ChannelFactor& factor, const at::Tensor& output) {
    const at::NoGradGuard noGrad;
    const Moments moments = momentsOf(pair, output.detach());
    const at::Tensor variance = moments.unbiased();
    const at::Tensor mean = moments.mean;
    const at::Tensor r = factor.factor.detach();
    const at::Tensor isDead = r.abs().lt(kDeadFactor);
    const at::Tensor safe = at::where(isDead, at::ones_like(r), r);
    const NodeTensors& norm = *pair.statistics;
    const at::Tensor ofConv = mean.sub(betaOf(pair).detach()).div(safe).add(norm.mean);
    moveRunning(pair, at::where(isDead, norm.mean, ofConv),
                at::where(isDead, norm.variance, variance.div(safe.square())));
}

at::Tensor withGradientOf(const at::Tensor& value, const at::Tensor& path) {
    return Substitute::apply(value, path);
}

}  // namespace bitlathe::engine
