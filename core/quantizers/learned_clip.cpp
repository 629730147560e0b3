#include "core/quantizers/learned_clip.h"

#include "core/types/error.h"
#include "core/types/vectorised.h"

#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

void require(const LearnedClip& grid, std::size_t in, std::size_t out) {
    if (grid.clip == 0.0F || !std::isfinite(grid.clip)) {
        throw Error(ErrorCode::InvalidConfig, "learned clip: the clip is " + std::to_string(grid.clip) +
                                                  " but must be finite and not zero");
    }
    if (grid.levels < 2) {
        throw Error(ErrorCode::InvalidConfig,
                    "learned clip: " + std::to_string(grid.levels) + " levels; at least 2 are needed");
    }
    if (in != out) {
        throw Error(ErrorCode::ShapeMismatch,
                    "learned clip: " + std::to_string(in) + " values against " + std::to_string(out));
    }
}

/// x / a limited to the grid, and the level it becomes, both in units of a.
struct Unit {
    float lower, steps, magnitude;

    explicit Unit(const LearnedClip& grid)
        : lower(grid.isHalfWave ? 0.0F : -1.0F), steps(static_cast<float>(grid.levels - 1)),
          magnitude(std::fabs(grid.clip)) {}

    __attribute__((always_inline)) inline float level(float r) const noexcept {
        r = r == r ? r : 0.0F;
        r = r < lower ? lower : r;
        r = r > 1.0F ? 1.0F : r;
        const float span = 1.0F - lower;  // 1 or 2: exact
        return std::nearbyint((r - lower) / span * steps) / steps * span + lower;
    }
};

BITLATHE_VECTORISED void forwardKernel(const float* in, float* out, std::size_t count, const Unit& shared) {
    const Unit unit = shared;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = unit.level(in[i] / unit.magnitude) * unit.magnitude;
    }
}

constexpr std::size_t kLanes = 16;

BITLATHE_VECTORISED double backwardKernel(const float* x, const float* gradient, float* out,
                                          std::size_t count, const Unit& shared, float insideScale) {
    const Unit unit = shared;
    double lanes[kLanes] = {};
    for (std::size_t b = 0; b < count; b += kLanes) {
        const std::size_t length = count - b < kLanes ? count - b : kLanes;
#pragma GCC ivdep
        for (std::size_t i = 0; i < length; ++i) {
            const float r = x[b + i] / unit.magnitude;
            const float g = gradient[b + i];
            const bool inside = (r >= unit.lower) & (r <= 1.0F);
            out[b + i] = inside ? insideScale * g : 0.0F;
            lanes[i] += static_cast<double>(g) *
                        static_cast<double>(unit.level(r) - (inside ? insideScale * r : 0.0F));
        }
    }
    double sum = 0;
    for (const double lane : lanes) {
        sum += lane;
    }
    return sum;
}

}  // namespace

void learnedClip(std::span<const float> in, std::span<float> out, const LearnedClip& grid) {
    require(grid, in.size(), out.size());
    forwardKernel(in.data(), out.data(), in.size(), Unit(grid));
}

double learnedClipBackward(std::span<const float> x, std::span<const float> gradient,
                           std::span<float> gradientX, const LearnedClip& grid, double insideScale) {
    require(grid, x.size(), gradient.size());
    require(grid, x.size(), gradientX.size());
    const double sum = backwardKernel(x.data(), gradient.data(), gradientX.data(), x.size(), Unit(grid),
                                      static_cast<float>(insideScale));
    return std::copysign(1.0, static_cast<double>(grid.clip)) * sum;
}

double insideGradientScale(std::span<const float> x, const LearnedClip& grid) {
    require(grid, x.size(), x.size());
    const Unit unit(grid);
    std::size_t inside = 0;
    for (const float value : x) {
        const float r = value / unit.magnitude;
        inside += r >= unit.lower && r <= 1.0F ? 1 : 0;
    }
    if (inside == 0) {
        return 1.0;
    }
    const double scale = std::sqrt(static_cast<double>(x.size()) / static_cast<double>(inside));
    return scale >= 2.0 ? scale : 1.0;
}

double clipGradientFactor(ClipGradientFactor kind, double fan, double elements, double scale) noexcept {
    switch (kind) {
    case ClipGradientFactor::None:
        return 1.0;
    case ClipGradientFactor::FanScale:
        return std::sqrt(fan) * scale;
    case ClipGradientFactor::ScaleFan:
        return scale / std::sqrt(fan);
    case ClipGradientFactor::ElementScale:
        return std::sqrt(elements) * scale;
    case ClipGradientFactor::ScaleElement:
        return scale / std::sqrt(elements);
    }
    return 1.0;
}

float clipForLevels(float clip, int oldLevels, int newLevels) noexcept {
    return clip * static_cast<float>(newLevels - 1) / static_cast<float>(oldLevels - 1);
}

}  // namespace bitlathe::core
