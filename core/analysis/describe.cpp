#include "core/analysis/describe.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

Description describe(std::span<const float> values) noexcept {
    Description result;
    if (values.empty()) {
        return result;
    }
    const auto n = static_cast<double>(values.size());
    result.count = values.size();
    result.minimum = result.maximum = static_cast<double>(values[0]);
    double positiveMean = 0;
    for (const float value : values) {
        const auto x = static_cast<double>(value);
        result.minimum = std::min(result.minimum, x);
        result.maximum = std::max(result.maximum, x);
        result.mean += x / n;
        result.meanMagnitude += std::fabs(x) / n;
        positiveMean += std::max(x, 0.0) / n;
    }
    double squares = 0;
    double fourths = 0;
    double positiveSquares = 0;
    for (const float value : values) {
        const double d = static_cast<double>(value) - result.mean;
        const double p = std::max(static_cast<double>(value), 0.0) - positiveMean;
        result.meanDeviation += std::fabs(d) / n;
        squares += d * d;
        fourths += d * d * d * d;
        positiveSquares += p * p;
    }
    if (values.size() > 1) {
        result.deviation = std::sqrt(squares / (n - 1));
        result.positiveDeviation = std::sqrt(positiveSquares / (n - 1));
    }
    if (result.deviation > 0) {
        result.kurtosis = fourths / n / std::pow(result.deviation, 4) - 3;
    }
    return result;
}

}  // namespace bitlathe::core
