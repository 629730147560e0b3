#include "engine/batch_norm_op.h"

#include "core/types/error.h"
#include "engine/batch_norm_kernels.h"
#include "engine/tensor_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace bitlathe::engine {

namespace {

// Blocks that sums are split into, whatever the number of threads.
constexpr std::int64_t kBlocks = 32;

/// Per-channel sums over all pixels: two for each channel.
struct ChannelSums {
    std::vector<double> first;
    std::vector<double> second;
};

/// accumulate(firstPixel, pixels, first, second) adds a run of pixels to two arrays of channel sums.
template <typename Accumulate>
ChannelSums sumPixels(std::int64_t pixels, std::size_t channels, const Accumulate& accumulate) {
    const std::int64_t length = (pixels + kBlocks - 1) / kBlocks;
    std::vector<double> blocks(static_cast<std::size_t>(kBlocks) * 2 * channels, 0.0);
    at::parallel_for(0, kBlocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t start = std::min(block * length, pixels);
            const std::int64_t count = std::min(length, pixels - start);
            double* const sums = blocks.data() + static_cast<std::size_t>(block) * 2 * channels;
            accumulate(start, static_cast<std::size_t>(count), sums, sums + channels);
        }
    });
    ChannelSums total{std::vector<double>(channels, 0.0), std::vector<double>(channels, 0.0)};
    for (std::size_t block = 0; block < static_cast<std::size_t>(kBlocks); ++block) {
        const double* const sums = blocks.data() + block * 2 * channels;
        for (std::size_t c = 0; c < channels; ++c) {
            total.first[c] += sums[c];
            total.second[c] += sums[channels + c];
        }
    }
    return total;
}

/// work(firstPixel, pixels) on runs of pixels, on all threads.
template <typename Work>
void forPixels(std::int64_t pixels, std::int64_t channels, const Work& work) {
    at::parallel_for(0, pixels, 32768 / channels + 1, [&](std::int64_t begin, std::int64_t end) {
        work(begin, static_cast<std::size_t>(end - begin));
    });
}

/// Mean and biased variance of each channel.
struct ExactMoments {
    std::vector<double> mean;
    std::vector<double> variance;
};

/// x  channels-last
ExactMoments momentsOfChannels(const at::Tensor& x) {
    const auto channels = static_cast<std::size_t>(x.size(1));
    const std::int64_t pixels = x.numel() / x.size(1);
    const float* const values = x.data_ptr<float>();
    // Sums around a value of the channel itself: variance is not lost beside a large mean.
    const std::vector<float> shift(values, values + channels);
    const ChannelSums sums =
        sumPixels(pixels, channels, [&](std::int64_t start, std::size_t count, double* sum, double* squares) {
            accumulateMoments(values + static_cast<std::size_t>(start) * channels, count, channels,
                              shift.data(), sum, squares);
        });
    const auto count = static_cast<double>(pixels);
    ExactMoments moments{std::vector<double>(channels), std::vector<double>(channels)};
    for (std::size_t c = 0; c < channels; ++c) {
        const double offset = sums.first[c] / count;
        moments.mean[c] = static_cast<double>(shift[c]) + offset;
        moments.variance[c] = std::max(sums.second[c] / count - offset * offset, 0.0);
    }
    return moments;
}

/// The normalisation of one batch as the backward pass needs it.
struct Normalisation {
    at::Tensor factor, summand;  ///< a and b: y = a x + b
    at::Tensor mean, inverseDeviation;
};

Normalisation normalisationOf(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                              const at::Tensor& runningMean, const at::Tensor& runningVariance,
                              const core::BatchNormOp& op) {
    const auto channels = static_cast<std::size_t>(x.size(1));
    const std::int64_t pixels = x.numel() / x.size(1);
    const ExactMoments moments = momentsOfChannels(x);
    const auto options = x.options();
    const std::int64_t size = x.size(1);
    Normalisation result{at::empty({size}, options), at::empty({size}, options), at::empty({size}, options),
                         at::empty({size}, options)};
    const auto count = static_cast<double>(pixels);
    for (std::size_t c = 0; c < channels; ++c) {
        const double mean = moments.mean[c];
        const double variance = moments.variance[c];
        const double inverse = 1 / std::sqrt(variance + op.epsilon);
        const double factor = static_cast<double>(gamma.data_ptr<float>()[c]) * inverse;
        result.factor.data_ptr<float>()[c] = static_cast<float>(factor);
        result.summand.data_ptr<float>()[c] =
            static_cast<float>(static_cast<double>(beta.data_ptr<float>()[c]) - factor * mean);
        result.mean.data_ptr<float>()[c] = static_cast<float>(mean);
        result.inverseDeviation.data_ptr<float>()[c] = static_cast<float>(inverse);
        float& runMean = runningMean.data_ptr<float>()[c];
        float& runVariance = runningVariance.data_ptr<float>()[c];
        const double unbiased = variance * count / (count - 1);
        runMean = static_cast<float>(op.momentum * mean + (1 - op.momentum) * static_cast<double>(runMean));
        runVariance =
            static_cast<float>(op.momentum * unbiased + (1 - op.momentum) * static_cast<double>(runVariance));
    }
    return result;
}

class BatchNorm : public torch::autograd::Function<BatchNorm> {
public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                              const at::Tensor& gamma, const at::Tensor& beta, const at::Tensor& runningMean,
                              const at::Tensor& runningVariance, const core::BatchNormOp& op, double lower,
                              double upper) {
        const at::Tensor x = toChannelsLast(given);
        const Normalisation norm = normalisationOf(x, gamma, beta, runningMean, runningVariance, op);
        at::Tensor result = at::empty_like(x);
        const PassBand band{static_cast<float>(lower), static_cast<float>(upper)};
        const std::int64_t channels = x.size(1);
        forPixels(x.numel() / channels, channels, [&](std::int64_t start, std::size_t count) {
            normalise(x.data_ptr<float>() + start * channels, result.data_ptr<float>() + start * channels,
                      count, static_cast<std::size_t>(channels), norm.factor.data_ptr<float>(),
                      norm.summand.data_ptr<float>(), band);
        });
        context->save_for_backward({x, norm.factor, norm.summand, norm.mean, norm.inverseDeviation});
        context->saved_data["lower"] = lower;
        context->saved_data["upper"] = upper;
        return result;
    }

    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::tensor_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor& x = saved[0];
        const float* const a = saved[1].data_ptr<float>();
        const float* const b = saved[2].data_ptr<float>();
        const float* const mean = saved[3].data_ptr<float>();
        const float* const inverse = saved[4].data_ptr<float>();
        const PassBand band{static_cast<float>(context->saved_data["lower"].toDouble()),
                            static_cast<float>(context->saved_data["upper"].toDouble())};
        const at::Tensor gradient = toChannelsLast(gradients[0]);
        const std::int64_t size = x.size(1);
        const auto channels = static_cast<std::size_t>(size);
        const std::int64_t pixels = x.numel() / size;
        const float* const values = x.data_ptr<float>();
        const float* const given = gradient.data_ptr<float>();
        const ChannelSums sums = sumPixels(
            pixels, channels, [&](std::int64_t start, std::size_t count, double* sum, double* products) {
                accumulateGradients(values + start * size, given + start * size, count, channels, a, b, mean,
                                    band, sum, products);
            });
        at::Tensor gammaGradient = at::empty({size}, x.options());
        at::Tensor betaGradient = at::empty({size}, x.options());
        std::vector<float> slope(channels);
        std::vector<float> offset(channels);
        for (std::size_t c = 0; c < channels; ++c) {
            const auto scale = static_cast<double>(inverse[c]);
            gammaGradient.data_ptr<float>()[c] = static_cast<float>(sums.second[c] * scale);
            betaGradient.data_ptr<float>()[c] = static_cast<float>(sums.first[c]);
            // dx = a (g - mean(g) - (x - mean) mean(g (x - mean)) / (variance + epsilon))
            const double factor = static_cast<double>(a[c]) / static_cast<double>(pixels);
            slope[c] = static_cast<float>(-factor * sums.second[c] * scale * scale);
            offset[c] = static_cast<float>(-factor * sums.first[c]);
        }
        const at::Tensor result = at::empty_like(x);
        forPixels(pixels, size, [&](std::int64_t start, std::size_t count) {
            inputGradients(values + start * size, given + start * size,
                           result.data_ptr<float>() + start * size, count, channels, a, b, mean, slope.data(),
                           offset.data(), band);
        });
        return {result, gammaGradient, betaGradient, {}, {}, {}, {}, {}};
    }
};

}  // namespace

bool isFusable(const core::ClampOp& clamp) {
    return !clamp.isPerChannel() && (!std::isinf(clamp.upper) || clamp.lower == 0);
}

ChannelMoments channelMoments(const at::Tensor& given) {
    const at::Tensor x = toChannelsLast(given);
    const ExactMoments moments = momentsOfChannels(x);
    ChannelMoments result{at::empty({x.size(1)}, x.options()), at::empty({x.size(1)}, x.options())};
    for (std::size_t c = 0; c < moments.mean.size(); ++c) {
        result.mean.data_ptr<float>()[c] = static_cast<float>(moments.mean[c]);
        result.variance.data_ptr<float>()[c] = static_cast<float>(moments.variance[c]);
    }
    return result;
}

at::Tensor batchNormForTraining(const at::Tensor& x, const NodeTensors& tensors, const core::BatchNormOp& op,
                                const std::optional<core::ClampOp>& clamp) {
    if (x.numel() / std::max<std::int64_t>(x.size(1), 1) < 2) {
        throw core::Error(
            core::ErrorCode::ShapeMismatch,
            "batch norm in training needs more than one value a channel, not a batch of shape " +
                core::shapeText(x.sizes().vec()));
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return BatchNorm::apply(x, tensors.gamma, tensors.beta, tensors.mean, tensors.variance, op,
                            clamp ? clamp->lower : -kInfinity, clamp ? clamp->upper : kInfinity);
}

}  // namespace bitlathe::engine
