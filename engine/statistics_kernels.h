#pragma once

#include <cstddef>

namespace bitlathe::engine {

/// Extrema and sums of a run of values. NaN and Inf show in `sum`, which is finite otherwise (float values
/// cannot overflow a double).
struct Moments {
    float minimum = 0;
    float maximum = 0;
    double sum = 0;
    double sumOfSquares = 0;
    double sumOfMagnitudes = 0;
};

/// count >= 1. The order of additions is fixed by `count` alone.
Moments momentsOf(const float* values, std::size_t count);

} // namespace bitlathe::engine
