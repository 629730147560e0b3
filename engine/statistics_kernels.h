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

    void add(const Moments& other) noexcept;
};

/// count >= 1. The order of additions is fixed by `count` alone.
Moments momentsOf(const float* values, std::size_t count);

/// Extrema of `period` interleaved columns, value i belonging to column i % period:
/// lower[c] = min(lower[c], values), upper[c] = max(upper[c], values).
void widenToColumns(const float* values, std::size_t count, std::size_t period, float* lower, float* upper);

}  // namespace bitlathe::engine
