#pragma once

#include <cmath>

namespace bitlathe::core {

/// How a real number becomes a code. Part of a quantizer's definition, never left to the platform.
///   2.5 -> HalfEven 2, HalfAway 3, HalfUp 3, Floor 2;   -2.5 -> HalfEven -2, HalfAway -3, HalfUp -2, Floor -3.
enum class Rounding {
    HalfEven,  ///< IEEE 754 roundToIntegralTiesToEven; ONNX QuantizeLinear, torch
    HalfAway,  ///< C round(); MXNet, TFLite
    HalfUp,    ///< floor(x + 0.5); TI
    Floor,     ///< towards minus infinity; PACT activations of Rusci et al.
};

/// Rounds to an integral value. HalfEven relies on the default floating-point environment (nearest-even),
/// which nothing in Bitlathe changes.
template <typename Real>
inline Real roundTo(Real x, Rounding rounding) noexcept {
    switch (rounding) {
    case Rounding::HalfEven:
        return std::nearbyint(x);
    case Rounding::HalfAway: {
        // std::round, written so that it vectorises: x - trunc(x) is exact, so the comparison decides ties alone
        // (adding 0.5 first would send 0.49999997f to 1). Infinity has no fraction and stays.
        const Real whole = std::trunc(x);
        return whole + (std::fabs(x - whole) >= Real(0.5) ? std::copysign(Real(1), x) : Real(0));
    }
    case Rounding::HalfUp:
        return std::floor(x + Real(0.5));
    case Rounding::Floor:
        return std::floor(x);
    }
    return x;
}

}  // namespace bitlathe::core
