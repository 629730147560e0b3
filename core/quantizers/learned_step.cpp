#include "core/quantizers/learned_step.h"

#include "core/types/error.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace bitlathe::core {

namespace {

constexpr std::size_t kLanes = 16;

void require(const LearnedStep& grid, std::size_t in, std::size_t out) {
    if (!(grid.step > 0.0F) || !std::isfinite(grid.step)) {
        throw Error(ErrorCode::InvalidConfig,
                    "learned step: the step is " + std::to_string(grid.step) +
                        " but must be positive and finite; keep it above a floor while training");
    }
    if (in != out) {
        throw Error(ErrorCode::ShapeMismatch,
                    "learned step: " + std::to_string(in) + " values against " + std::to_string(out));
    }
}

BITLATHE_VECTORISED void forwardKernel(const float* in, float* out, std::size_t count, float step,
                                       float offset, float lower, float upper) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        float v = (in[i] - offset) / step;
        v = v == v ? v : 0.0F;  // NaN becomes the offset
        v = v < lower ? lower : v;
        v = v > upper ? upper : v;
        out[i] = std::nearbyint(v) * step + offset;
    }
}

struct Lanes {
    double step[kLanes] = {};
    double offset[kLanes] = {};
};

// Terms between two sums: they stay in the first-level cache.
constexpr std::size_t kStretch = 1024;

/// What each value adds to the parameters' gradients, and its own. Comparisons with NaN are false: no gradient.
__attribute__((always_inline)) inline void backwardTerms(const float* x, const float* gradient, float* out,
                                                         float* stepTerms, float* offsetTerms,
                                                         std::size_t count, float step, float offset,
                                                         float lower, float upper) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        const float g = gradient[i];
        const float v = (x[i] - offset) / step;
        float slope = std::nearbyint(v) - v;
        slope = v >= upper ? upper : slope;
        slope = v <= lower ? lower : slope;
        stepTerms[i] = g * (v == v ? slope : 0.0F);
        const float outside = v >= upper ? g : 0.0F;
        offsetTerms[i] = v <= lower ? g : outside;
        const float below = v > lower ? g : 0.0F;
        out[i] = v < upper ? below : 0.0F;
    }
}

/// Each term is rounded to float before the sum in double: one part in 2^24 of it.
__attribute__((always_inline)) inline void addTerms(const float* terms, std::size_t count, double* lanes) {
    double sums[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
        sums[i] = lanes[i];
    }
    const std::size_t whole = count - count % kLanes;
    for (std::size_t b = 0; b < whole; b += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            sums[i] += static_cast<double>(terms[b + i]);
        }
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        lanes[i] = sums[i];
    }
    for (std::size_t i = whole; i < count; ++i) {
        lanes[i - whole] += static_cast<double>(terms[i]);
    }
}

BITLATHE_VECTORISED void backwardKernel(const float* x, const float* gradient, float* out, std::size_t count,
                                        float step, float offset, float lower, float upper, Lanes& lanes) {
    float stepTerms[kStretch];
    float offsetTerms[kStretch];
    for (std::size_t begin = 0; begin < count; begin += kStretch) {
        const std::size_t length = count - begin < kStretch ? count - begin : kStretch;
        backwardTerms(x + begin, gradient + begin, out + begin, stepTerms, offsetTerms, length, step, offset,
                      lower, upper);
        addTerms(stepTerms, length, lanes.step);
        addTerms(offsetTerms, length, lanes.offset);
    }
}

}  // namespace

void learnedStep(std::span<const float> in, std::span<float> out, const LearnedStep& grid) {
    require(grid, in.size(), out.size());
    forwardKernel(in.data(), out.data(), in.size(), grid.step, grid.offset, static_cast<float>(grid.quantMin),
                  static_cast<float>(grid.quantMax));
}

LearnedStepGradient learnedStepBackward(std::span<const float> x, std::span<const float> gradient,
                                        std::span<float> gradientX, const LearnedStep& grid,
                                        double gradientScale) {
    require(grid, x.size(), gradient.size());
    require(grid, x.size(), gradientX.size());
    Lanes lanes;
    backwardKernel(x.data(), gradient.data(), gradientX.data(), x.size(), grid.step, grid.offset,
                   static_cast<float>(grid.quantMin), static_cast<float>(grid.quantMax), lanes);
    LearnedStepGradient result;
    for (std::size_t i = 0; i < kLanes; ++i) {
        result.step += lanes.step[i];
        result.offset += lanes.offset[i];
    }
    result.step *= gradientScale;
    result.offset *= gradientScale;
    return result;
}

double lsqGradientScale(std::uint64_t count, std::int32_t quantMax) noexcept {
    return 1.0 / std::sqrt(static_cast<double>(std::max<std::uint64_t>(count, 1)) * std::max(quantMax, 1));
}

float lsqInitialStep(double meanMagnitude, std::int32_t quantMax) noexcept {
    const double step = 2.0 * meanMagnitude / std::sqrt(static_cast<double>(std::max(quantMax, 1)));
    return static_cast<float>(std::max<double>(step, std::numeric_limits<float>::min()));
}

float lsqPlusInitialStep(double mean, double deviation, int bits) noexcept {
    const double reach = std::max(std::fabs(mean - 3 * deviation), std::fabs(mean + 3 * deviation));
    return static_cast<float>(std::max<double>(reach / (1 << (bits - 1)), std::numeric_limits<float>::min()));
}

}  // namespace bitlathe::core
