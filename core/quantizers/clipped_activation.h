#pragma once

#include "core/types/rounding.h"

#include <span>

namespace bitlathe::core {

/// Activations clipped to [0, alpha] and spread over `steps` steps: PACT (alpha learned), DoReFa and the
/// fixed clip of Rusci et al. (alpha given). README eq. 11.
///
///   s = steps / alpha      code = min(round(s * clamp(x, 0, alpha)), steps)      x̂ = code / s
///
/// s is float32(float32(1 / alpha) * steps) for a learned alpha and float32(steps / alpha) for a given one (Mask::Closed),
/// as the reference of Rusci et al. computes them; the last clamp matters for Rounding::Floor, where s * alpha can fall
/// just below `steps`, and for nothing else.
struct ClippedActivation {
    /// Which x pass their gradient on; everything else has none.
    enum class Mask {
        HalfOpen,  ///< 0 <= x < alpha: PACT (an x on the clip belongs to alpha)
        Open,      ///< 0 < x < alpha: learned clip of Rusci et al.
        Closed,    ///< 0 <= x <= alpha: DoReFa, fixed clips
    };

    float alpha = 1;  ///< > 0; see requirePositiveAlpha
    int steps = 255;  ///< 2^bits - 1
    Rounding rounding = Rounding::HalfEven;
    Mask mask = Mask::HalfOpen;
};

/// `in` and `out` may be the same memory. NaN becomes 0, +infinity alpha.
/// Errors  InvalidConfig: alpha not positive and finite (a learned alpha that fell to zero: raise its floor),
/// steps < 1.
void clippedActivation(std::span<const float> in, std::span<float> out, const ClippedActivation& grid);

/// Straight-through gradient; returns dL/dalpha = sum of gradient over x >= alpha (Choi et al. 2018, eq. 3).
/// x is the forward input, never the output: code 0 would lose its gradient (a defect of in-place
/// references).
double clippedActivationBackward(std::span<const float> x, std::span<const float> gradient,
                                 std::span<float> gradientX, const ClippedActivation& grid);

}  // namespace bitlathe::core
