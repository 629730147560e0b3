#include "engine/statistics_kernels.h"

#include "core/types/vectorised.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::engine {

namespace {

// Independent partial sums: enough to fill two of the widest vectors, so that additions do not wait for one
// another.
constexpr std::size_t kLanes = 16;

}  // namespace

void Moments::add(const Moments& other) noexcept {
    minimum = std::min(minimum, other.minimum);
    maximum = std::max(maximum, other.maximum);
    sum += other.sum;
    sumOfSquares += other.sumOfSquares;
    sumOfMagnitudes += other.sumOfMagnitudes;
}

BITLATHE_VECTORISED Moments momentsOf(const float* values, std::size_t count) {
    std::array<float, kLanes> minimum;
    std::array<float, kLanes> maximum;
    std::array<double, kLanes> sum{};
    std::array<double, kLanes> squares{};
    std::array<double, kLanes> magnitudes{};
    minimum.fill(values[0]);
    maximum.fill(values[0]);
    const std::size_t whole = count / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const float x = values[i + lane];
            const auto wide = static_cast<double>(x);
            minimum[lane] = x < minimum[lane] ? x : minimum[lane];
            maximum[lane] = x > maximum[lane] ? x : maximum[lane];
            sum[lane] += wide;
            squares[lane] += wide * wide;
            magnitudes[lane] += std::fabs(wide);
        }
    }
    for (std::size_t i = whole; i < count; ++i) {
        const std::size_t lane = i - whole;
        const auto wide = static_cast<double>(values[i]);
        minimum[lane] = std::min(minimum[lane], values[i]);
        maximum[lane] = std::max(maximum[lane], values[i]);
        sum[lane] += wide;
        squares[lane] += wide * wide;
        magnitudes[lane] += std::fabs(wide);
    }
    Moments moments{minimum[0], maximum[0], 0, 0, 0};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        moments.minimum = std::min(moments.minimum, minimum[lane]);
        moments.maximum = std::max(moments.maximum, maximum[lane]);
        moments.sum += sum[lane];
        moments.sumOfSquares += squares[lane];
        moments.sumOfMagnitudes += magnitudes[lane];
    }
    return moments;
}

BITLATHE_VECTORISED void widenToColumns(const float* values, std::size_t count, std::size_t period,
                                        float* lower, float* upper) {
    for (std::size_t begin = 0; begin < count; begin += period) {
        const std::size_t length = count - begin < period ? count - begin : period;
        const float* const source = values + begin;
#pragma GCC ivdep
        for (std::size_t i = 0; i < length; ++i) {
            lower[i] = source[i] < lower[i] ? source[i] : lower[i];
            upper[i] = source[i] > upper[i] ? source[i] : upper[i];
        }
    }
}

}  // namespace bitlathe::engine
