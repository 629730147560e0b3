#pragma once

#include <cstdint>
#include <span>

namespace bitlathe::core {

/// LSQ and LSQ+: the step (and for LSQ+ an offset) is a learned parameter. README eq. 12.
///
///   v = (x - offset) / step     x̂ = round(clamp(v, quantMin, quantMax)) * step + offset      (half even)
///
/// Gradients, v inside meaning quantMin < v < quantMax (Esser et al. 2020, eq. 3 and 5):
///   dx = g inside, else 0
///   dstep = g * (round(v) - v) inside, g * quantMin below, g * quantMax above
///   doffset = g outside, 0 inside (Bhalgat et al. 2020, eq. 6)
/// multiplied by gradientScale, for LSQ 1 / sqrt(N * quantMax) with N the weights, or the features of one
/// sample.
struct LearnedStep {
    float step = 1;    ///< > 0
    float offset = 0;  ///< LSQ: 0
    std::int32_t quantMin = 0;
    std::int32_t quantMax = 255;
};

struct LearnedStepGradient {
    double step = 0;
    double offset = 0;
};

/// Errors  InvalidConfig: step not positive and finite.  ShapeMismatch.
void learnedStep(std::span<const float> in, std::span<float> out, const LearnedStep& grid);
LearnedStepGradient learnedStepBackward(std::span<const float> x, std::span<const float> gradient,
                                        std::span<float> gradientX, const LearnedStep& grid,
                                        double gradientScale = 1.0);

/// LSQ's scale of the step's gradient, 1 / sqrt(count * quantMax) (Esser et al. 2020, section 2.2).
double lsqGradientScale(std::uint64_t count, std::int32_t quantMax) noexcept;
/// LSQ's start, 2 mean|x| / sqrt(quantMax); the smallest normal float for an all-zero tensor.
float lsqInitialStep(double meanMagnitude, std::int32_t quantMax) noexcept;
/// LSQ+'s start for weights, max(|mean - 3 std|, |mean + 3 std|) / 2^(bits-1) (Bhalgat et al. 2020,
/// section 3.2).
float lsqPlusInitialStep(double mean, double deviation, int bits) noexcept;

}  // namespace bitlathe::core
