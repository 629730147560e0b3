#pragma once

#include <cmath>
#include <numbers>

namespace bitlathe::core {

/// Half a cosine: `from` at share 0, `to` at share 1.
inline double cosineStep(double from, double to, double share) {
    return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace bitlathe::core
