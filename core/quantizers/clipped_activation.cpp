#include "core/quantizers/clipped_activation.h"

#include "core/types/error.h"
#include "core/types/vectorised.h"
#include "core/types/with_rounding.h"

#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

constexpr std::size_t kLanes = 16;

void require(const ClippedActivation& grid, std::size_t in, std::size_t out) {
    if (!(grid.alpha > 0.0F) || !std::isfinite(grid.alpha)) {
        throw Error(ErrorCode::InvalidConfig,
                    "clipped activation: the clip is " + std::to_string(grid.alpha) +
                        " but must be positive and finite; keep a learned clip above a floor");
    }
    if (grid.steps < 1) {
        throw Error(ErrorCode::InvalidConfig,
                    "clipped activation: " + std::to_string(grid.steps) + " steps; at least 1 is needed");
    }
    if (in != out) {
        throw Error(ErrorCode::ShapeMismatch, "clipped activation: " + std::to_string(in) +
                                                  " values in but room for " + std::to_string(out) + " out");
    }
}

template <Rounding R>
__attribute__((always_inline)) inline void forwardRun(const float* in, float* out, std::size_t count,
                                                      float alpha, float scale, float steps) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        float x = in[i];
        x = x > 0.0F ? x : 0.0F;  // NaN too
        x = x < alpha ? x : alpha;
        float code = roundTo(scale * x, R);
        code = code < steps ? code : steps;
        out[i] = code / scale;
    }
}

BITLATHE_VECTORISED void forwardKernel(const float* in, float* out, std::size_t count, float alpha,
                                       float scale, float steps, Rounding rounding) {
    withRounding(
        rounding, [&]<Rounding R>()
                      __attribute__((always_inline)) { forwardRun<R>(in, out, count, alpha, scale, steps); });
}

/// Masks as two comparisons each: x passes when lower < x (or =) and x < alpha (or =).
BITLATHE_VECTORISED double backwardKernel(const float* x, const float* gradient, float* out,
                                          std::size_t count, float alpha, bool takesZero, bool takesAlpha) {
    double lanes[kLanes] = {};
    const std::size_t whole = count - count % kLanes;
    for (std::size_t b = 0; b < whole; b += kLanes) {
#pragma GCC ivdep
        for (std::size_t i = 0; i < kLanes; ++i) {
            const float value = x[b + i];
            const float g = gradient[b + i];
            const bool inside = ((value > 0.0F) | (takesZero & (value == 0.0F))) &
                                ((value < alpha) | (takesAlpha & (value == alpha)));
            out[b + i] = inside ? g : 0.0F;
            lanes[i] += value >= alpha ? static_cast<double>(g) : 0.0;
        }
    }
    double sum = 0;
    for (std::size_t i = whole; i < count; ++i) {
        const float value = x[i];
        const float g = gradient[i];
        const bool inside = ((value > 0.0F) | (takesZero & (value == 0.0F))) &
                            ((value < alpha) | (takesAlpha & (value == alpha)));
        out[i] = inside ? g : 0.0F;
        sum += value >= alpha ? static_cast<double>(g) : 0.0;
    }
    for (const double lane : lanes) {
        sum += lane;
    }
    return sum;
}

}  // namespace

void clippedActivation(std::span<const float> in, std::span<float> out, const ClippedActivation& grid) {
    require(grid, in.size(), out.size());
    const auto steps = static_cast<float>(grid.steps);
    const float scale =
        grid.mask == ClippedActivation::Mask::Closed ? steps / grid.alpha : (1.0F / grid.alpha) * steps;
    forwardKernel(in.data(), out.data(), in.size(), grid.alpha, scale, steps, grid.rounding);
}

double clippedActivationBackward(std::span<const float> x, std::span<const float> gradient,
                                 std::span<float> gradientX, const ClippedActivation& grid) {
    require(grid, x.size(), gradient.size());
    require(grid, x.size(), gradientX.size());
    using Mask = ClippedActivation::Mask;
    return backwardKernel(x.data(), gradient.data(), gradientX.data(), x.size(), grid.alpha,
                          grid.mask != Mask::Open, grid.mask == Mask::Closed);
}

}  // namespace bitlathe::core
