#pragma once

#include <cstdint>
#include <span>

namespace bitlathe::core {

/// Moments of a tensor or a slice of it that need a second pass about the mean: what priors and channel
/// statistics are fitted by.
struct Description {
    std::uint64_t count = 0;
    double minimum = 0;
    double maximum = 0;
    double mean = 0;
    double deviation = 0;          ///< unbiased (n - 1); 0 for fewer than two values
    double meanDeviation = 0;      ///< mean |x - mean|: the Laplace scale b
    double meanMagnitude = 0;      ///< mean |x|
    double kurtosis = 0;           ///< mean ((x - mean) / deviation)^4 - 3; 0 for a constant
    double positiveDeviation = 0;  ///< deviation of max(x, 0)
};

/// All zero for no values.
Description describe(std::span<const float> values) noexcept;

}  // namespace bitlathe::core
