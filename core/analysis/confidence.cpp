#include "core/analysis/confidence.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

Interval wilson95(std::int64_t successes, std::int64_t samples) noexcept {
    if (samples <= 0) {
        return {0.0, 1.0};
    }
    constexpr double kZ = 1.959963984540054;  // 97.5 % quantile of the normal distribution
    const auto n = static_cast<double>(samples);
    const double p = static_cast<double>(successes) / n;
    const double center = p + kZ * kZ / (2 * n);
    const double spread = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
    const double denominator = 1 + kZ * kZ / n;
    // The ends at 0 of n and n of n are exact in theory and a rounding error off in practice.
    return {std::max(0.0, (center - spread) / denominator), std::min(1.0, (center + spread) / denominator)};
}

}  // namespace bitlathe::core
