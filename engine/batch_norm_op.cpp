#include "engine/batch_norm_op.h"

#include "core/quantizers/fake_quantize.h"
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
#include <mutex>
#include <span>
#include <string>
#include <utility>
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

/// Smallest and largest value of each channel, one row each.
class ChannelExtrema {
public:
    explicit ChannelExtrema(std::size_t channels)
        : m_channels(channels), m_rows(2 * channels, std::numeric_limits<float>::infinity()) {
        std::fill(m_rows.begin() + static_cast<std::ptrdiff_t>(channels), m_rows.end(),
                  -std::numeric_limits<float>::infinity());
    }
    float* lowest() { return m_rows.data(); }
    float* highest() { return m_rows.data() + m_channels; }
    /// Two pixels: the lowest of all channels, then the highest.
    const std::vector<float>& rows() const { return m_rows; }

    void add(ChannelExtrema& other) {
        for (std::size_t c = 0; c < m_channels; ++c) {
            lowest()[c] = std::min(lowest()[c], other.lowest()[c]);
            highest()[c] = std::max(highest()[c], other.highest()[c]);
        }
    }

private:
    std::size_t m_channels;
    std::vector<float> m_rows;
};

/// x  channels-last. extrema  found on the way; null: not asked for
ExactMoments momentsOfChannels(const at::Tensor& x, ChannelExtrema* extrema) {
    const auto channels = static_cast<std::size_t>(x.size(1));
    const std::int64_t pixels = x.numel() / x.size(1);
    const float* const values = x.data_ptr<float>();
    // Sums around a value of the channel itself: variance is not lost beside a large mean.
    const std::vector<float> shift(values, values + channels);
    std::mutex guard;
    const ChannelSums sums =
        sumPixels(pixels, channels, [&](std::int64_t start, std::size_t count, double* sum, double* squares) {
            const float* const first = values + static_cast<std::size_t>(start) * channels;
            if (extrema == nullptr) {
                accumulateMoments(first, count, channels, shift.data(), sum, squares);
                return;
            }
            ChannelExtrema own(channels);
            accumulateMomentsAndExtrema(first, count, channels, shift.data(), sum, squares, own.lowest(),
                                        own.highest());
            const std::lock_guard lock(guard);
            extrema->add(own);
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
    at::Tensor multiplier, summand;     ///< a and b: y = a x + b
    at::Tensor mean, inverseDeviation;  ///< of x / factor: its mean times the factor, 1 / (deviation factor)
};

/// One over the factor of a channel; 1 where there is none.
double inverseFactor(const at::Tensor& factor, std::size_t channel) {
    return factor.defined() ? 1 / static_cast<double>(factor.data_ptr<float>()[channel]) : 1.0;
}

Normalisation normalisationOf(const at::Tensor& x, const at::Tensor& factor, const NodeTensors& tensors,
                              const core::BatchNormOp& op, const ExactMoments& moments) {
    const auto options = x.options().requires_grad(false);
    const std::int64_t size = x.size(1);
    Normalisation result{at::empty({size}, options), at::empty({size}, options), at::empty({size}, options),
                         at::empty({size}, options)};
    const auto count = static_cast<double>(x.numel() / size);
    for (std::size_t c = 0; c < static_cast<std::size_t>(size); ++c) {
        const double scale = inverseFactor(factor, c);
        const double mean = moments.mean[c] * scale;
        const double variance = moments.variance[c] * scale * scale;
        const double inverse = 1 / std::sqrt(variance + op.epsilon);
        const double slope = static_cast<double>(tensors.gamma.data_ptr<float>()[c]) * inverse;
        result.multiplier.data_ptr<float>()[c] = static_cast<float>(slope * scale);
        result.summand.data_ptr<float>()[c] =
            static_cast<float>(static_cast<double>(tensors.beta.data_ptr<float>()[c]) - slope * mean);
        result.mean.data_ptr<float>()[c] = static_cast<float>(moments.mean[c]);
        result.inverseDeviation.data_ptr<float>()[c] = static_cast<float>(inverse * scale);
        float& runMean = tensors.mean.data_ptr<float>()[c];
        float& runVariance = tensors.variance.data_ptr<float>()[c];
        const double unbiased = variance * count / (count - 1);
        runMean = static_cast<float>(op.momentum * mean + (1 - op.momentum) * static_cast<double>(runMean));
        runVariance =
            static_cast<float>(op.momentum * unbiased + (1 - op.momentum) * static_cast<double>(runVariance));
    }
    return result;
}

PassBand bandOf(const std::optional<core::ClampOp>& clamp) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    return clamp ? PassBand{static_cast<float>(clamp->lower), static_cast<float>(clamp->upper)}
                 : PassBand{-kInfinity, kInfinity};
}

/// Extrema of what the normalisation makes of x, by the kernel that makes them.
core::Range normalisedExtrema(const ChannelExtrema& extrema, const Normalisation& norm,
                              const PassBand& band) {
    const std::size_t channels = extrema.rows().size() / 2;
    std::vector<float> rows(2 * channels);
    normalise(extrema.rows().data(), rows.data(), 2, channels, norm.multiplier.data_ptr<float>(),
              norm.summand.data_ptr<float>(), band);
    core::Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (const float value : rows) {
        if (!std::isfinite(value)) {
            throw core::Error(core::ErrorCode::NonFiniteInput,
                              "batch norm made values that are not finite, which cannot be quantized");
        }
        range.lower = std::min(range.lower, static_cast<double>(value));
        range.upper = std::max(range.upper, static_cast<double>(value));
    }
    return range;
}

bool passes(float value, const core::QParams& grid) {
    float quantized = 0;
    std::uint8_t isPassed = 0;
    core::fakeQuantizeMasked({&value, 1}, {&quantized, 1}, {&isPassed, 1}, grid);
    return isPassed != 0;
}

/// The float next to the values that pass, on the side of `outside`; outside itself, infinite, when all do. What
/// passes is an interval, so halving finds its end, by the very kernel whose mask it stands for.
float firstThatFails(const core::QParams& grid, float inside, float outside) {
    // A last float is compared as it is: half way between two neighbours there is none.
    float passed = inside;
    float failed = std::copysign(std::numeric_limits<float>::max(), outside);
    if (passes(failed, grid)) {
        return outside;
    }
    for (;;) {
        const float middle = passed + (failed - passed) / 2;
        if (middle == passed || middle == failed) {
            break;
        }
        (passes(middle, grid) ? passed : failed) = middle;
    }
    return failed;
}

/// The band within a clamp's that the grid lets gradients through.
PassBand narrowed(const PassBand& band, const core::QParams& grid) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto inside = static_cast<float>((grid.representableLower() + grid.representableUpper()) / 2);
    return {std::max(band.lower, firstThatFails(grid, inside, -kInfinity)),
            std::min(band.upper, firstThatFails(grid, inside, kInfinity))};
}

/// normalise(), then the grid while the values are still in the cache.
void normaliseOnGrid(const float* x, float* out, std::size_t pixels, std::size_t channels,
                     const Normalisation& norm, const PassBand& band, const core::QParams& grid) {
    const std::size_t rows = std::max<std::size_t>(1, 4096 / channels);
    for (std::size_t row = 0; row < pixels; row += rows) {
        const std::size_t count = std::min(rows, pixels - row);
        float* const part = out + row * channels;
        normalise(x + row * channels, part, count, channels, norm.multiplier.data_ptr<float>(),
                  norm.summand.data_ptr<float>(), band);
        const std::size_t values = count * channels;
        core::fakeQuantize({part, values}, {part, values}, grid);
    }
}

class BatchNorm : public torch::autograd::Function<BatchNorm> {
public:
    /// factors  one tensor, or none
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                              const at::Tensor& /*gamma*/, const at::Tensor& /*beta*/,
                              const NodeTensors& tensors, const core::BatchNormOp& op,
                              const NormEnding& ending, at::TensorList factors) {
        const at::Tensor factor = factors.empty() ? at::Tensor() : factors.front();
        const at::Tensor x = toChannelsLast(given);
        const std::int64_t channels = x.size(1);
        std::optional<ChannelExtrema> extrema;
        if (ending.grid) {
            extrema.emplace(static_cast<std::size_t>(channels));
        }
        const ExactMoments moments = momentsOfChannels(x, extrema ? &*extrema : nullptr);
        const Normalisation norm = normalisationOf(x, factor, tensors, op, moments);
        const PassBand band = bandOf(ending.clamp);
        std::optional<core::QParams> grid;
        if (extrema) {
            grid = ending.grid(normalisedExtrema(*extrema, norm, band));
        }
        at::Tensor result = at::empty_like(x);
        forPixels(x.numel() / channels, channels, [&](std::int64_t start, std::size_t count) {
            const float* const in = x.data_ptr<float>() + start * channels;
            float* const out = result.data_ptr<float>() + start * channels;
            const auto size = static_cast<std::size_t>(channels);
            if (grid) {
                normaliseOnGrid(in, out, count, size, norm, band, *grid);
            } else {
                normalise(in, out, count, size, norm.multiplier.data_ptr<float>(),
                          norm.summand.data_ptr<float>(), band);
            }
        });
        const PassBand passed = grid ? narrowed(band, *grid) : band;
        torch::autograd::variable_list saved{x, norm.multiplier, norm.summand, norm.mean,
                                             norm.inverseDeviation};
        saved.insert(saved.end(), factors.begin(), factors.end());
        context->save_for_backward(std::move(saved));
        context->saved_data["lower"] = static_cast<double>(passed.lower);
        context->saved_data["upper"] = static_cast<double>(passed.upper);
        context->saved_data["epsilon"] = op.epsilon;
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
        const at::Tensor factor = saved.size() > 5 ? saved[5] : at::Tensor();
        const double epsilon = context->saved_data["epsilon"].toDouble();
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
        at::Tensor factorGradient = factor.defined() ? at::empty({size}, x.options()) : at::Tensor();
        std::vector<float> slope(channels);
        std::vector<float> offset(channels);
        for (std::size_t c = 0; c < channels; ++c) {
            const auto scale = static_cast<double>(inverse[c]);
            gammaGradient.data_ptr<float>()[c] = static_cast<float>(sums.second[c] * scale);
            betaGradient.data_ptr<float>()[c] = static_cast<float>(sums.first[c]);
            // dx = a (g - mean(g) - (x - mean) mean(g (x - mean)) / (variance + epsilon))
            const double multiplier = static_cast<double>(a[c]);
            const double share = multiplier / static_cast<double>(pixels);
            slope[c] = static_cast<float>(-share * sums.second[c] * scale * scale);
            offset[c] = static_cast<float>(-share * sums.first[c]);
            if (factor.defined()) {
                // Through u = x / f alone: what the normalisation lets through of a common factor is epsilon's share,
                // -sum(du u) / f with sum(du u) = a sum(g (x - mean)) epsilon / (variance(u) + epsilon).
                const double inverseOfFactor = inverseFactor(factor, c);
                const double deviation = inverseOfFactor / scale;  // sqrt(variance(u) + epsilon)
                factorGradient.data_ptr<float>()[c] = static_cast<float>(
                    -inverseOfFactor * multiplier * sums.second[c] * epsilon / (deviation * deviation));
            }
        }
        const at::Tensor result = at::empty_like(x);
        forPixels(pixels, size, [&](std::int64_t start, std::size_t count) {
            inputGradients(values + start * size, given + start * size,
                           result.data_ptr<float>() + start * size, count, channels, a, b, mean, slope.data(),
                           offset.data(), band);
        });
        torch::autograd::tensor_list all{result, gammaGradient, betaGradient, {}, {}, {}};
        if (factor.defined()) {
            all.push_back(factorGradient);
        }
        return all;
    }
};

}  // namespace

bool isFusable(const core::ClampOp& clamp) {
    return !clamp.isPerChannel() && (!std::isinf(clamp.upper) || clamp.lower == 0);
}

ChannelMoments channelMoments(const at::Tensor& given) {
    const at::Tensor x = toChannelsLast(given);
    const ExactMoments moments = momentsOfChannels(x, nullptr);
    ChannelMoments result{at::empty({x.size(1)}, x.options()), at::empty({x.size(1)}, x.options())};
    for (std::size_t c = 0; c < moments.mean.size(); ++c) {
        result.mean.data_ptr<float>()[c] = static_cast<float>(moments.mean[c]);
        result.variance.data_ptr<float>()[c] = static_cast<float>(moments.variance[c]);
    }
    return result;
}

at::Tensor batchNormForTraining(const at::Tensor& x, const at::Tensor& factor, const NodeTensors& tensors,
                                const core::BatchNormOp& op, const NormEnding& ending) {
    if (x.numel() / std::max<std::int64_t>(x.size(1), 1) < 2) {
        throw core::Error(
            core::ErrorCode::ShapeMismatch,
            "batch norm in training needs more than one value a channel, not a batch of shape " +
                core::shapeText(x.sizes().vec()));
    }
    const std::vector<at::Tensor> factors(factor.defined() ? 1 : 0, factor);
    return BatchNorm::apply(x, tensors.gamma, tensors.beta, tensors, op, ending, at::TensorList(factors));
}

}  // namespace bitlathe::engine
