#include "core/quantizers/grid.h"

#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace bitlathe::core {

CodeLimits unsignedCodes(int bits) noexcept {
    return {0, (1 << bits) - 1};
}

CodeLimits signedCodes(int bits) noexcept {
    return {-(1 << (bits - 1)), (1 << (bits - 1)) - 1};
}

CodeLimits narrowCodes(int bits) noexcept {
    const std::int32_t maximum = (1 << (bits - 1)) - 1;
    return {-maximum, maximum};
}

void requireRanges(std::span<const Range> ranges, std::string_view quantizer) {
    if (ranges.empty()) {
        throw Error(ErrorCode::InvalidConfig, fmt::format("quantizer '{}': no range given", quantizer));
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const Range& range = ranges[i];
        const std::string where = ranges.size() == 1 ? std::string() : fmt::format(" of slice {}", i);
        if (!std::isfinite(range.lower) || !std::isfinite(range.upper)) {
            throw Error(
                ErrorCode::InvalidConfig,
                fmt::format("quantizer '{}': range [{}, {}]{} is not finite; check the data or set a range",
                            quantizer, range.lower, range.upper, where));
        }
        if (range.lower > range.upper) {
            throw Error(
                ErrorCode::InvalidConfig,
                fmt::format("quantizer '{}': range [{}, {}]{} has its lower bound above its upper bound",
                            quantizer, range.lower, range.upper, where));
        }
    }
}

Range extendedToZero(const Range& range) noexcept {
    return {std::min(range.lower, 0.0), std::max(range.upper, 0.0)};
}

float toScale(double step, std::int32_t largestCode) noexcept {
    constexpr double kSmallest = std::numeric_limits<float>::min();
    const double largest =
        std::numeric_limits<float>::max() / std::max(1.0, static_cast<double>(largestCode));
    // Rounding the limit down to float keeps code * scale from reaching infinity.
    const auto scale = static_cast<float>(std::clamp(step, kSmallest, largest));
    return static_cast<double>(scale) > largest ? std::nextafter(scale, 0.0F) : scale;
}

double magnitude(const Range& range) noexcept {
    return std::max(std::fabs(range.lower), std::fabs(range.upper));
}

}  // namespace bitlathe::core
