#include "core/deploy/requantization.h"

#include "core/deploy/rounded_shift.h"
#include "core/types/error.h"
#include "core/types/with_rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace bitlathe::core {

FixedFactor fixedFactor(double factor, int fractionBits) {
    if (!std::isfinite(factor)) {
        throw Error(ErrorCode::InvalidConfig, "requantization: the factor is not finite");
    }
    if (fractionBits < 1 || fractionBits > 31) {
        throw Error(ErrorCode::InvalidConfig, "requantization: " + std::to_string(fractionBits) +
                                                  " fraction bits; 1 to 31 are possible");
    }
    FixedFactor result;
    if (factor == 0.0) {
        return result;
    }
    const double mantissa = std::frexp(factor, &result.exponent);
    const double largest = std::ldexp(1.0, fractionBits) - 1;
    result.mantissa = static_cast<std::int32_t>(
        std::clamp(std::nearbyint(std::ldexp(mantissa, fractionBits)), -largest - 1, largest));
    result.exponent = std::clamp(result.exponent, -128, 127);
    return result;
}

double value(const FixedFactor& factor, int fractionBits) noexcept {
    return std::ldexp(static_cast<double>(factor.mantissa), factor.exponent - fractionBits);
}

std::int32_t requantize(std::int64_t accumulator, const FixedFactor& factor, std::int32_t largest) noexcept {
    const std::int64_t product = accumulator * factor.mantissa;
    const int shift = 31 - factor.exponent;
    if (shift >= 63) {
        return 0;  // |product| < 2^63: its floor is 0 or -1, and -1 clamps to 0
    }
    if (shift <= 0) {
        // A factor of 2^30 or more: any accumulator but zero saturates, and shifting left could overflow.
        return product > 0 ? largest : 0;
    }
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(product >> shift, 0, largest));
}

bool roundingMatters(const FixedFactor& factor, std::int64_t bound, std::int32_t zeroPoint,
                     std::int32_t lower, std::int32_t upper) noexcept {
    if (factor.mantissa == 0) {
        return false;
    }
    const int zeros = std::countr_zero(static_cast<std::uint32_t>(factor.mantissa));
    const int power = 30 - factor.exponent - zeros;  // of the least accumulator half-way between two values
    if (power < 0 || power > 62 || (std::int64_t{1} << power) > bound) {
        return false;  // a whole factor; or out of reach
    }
    const std::int64_t below =
        (std::abs(std::int64_t{factor.mantissa}) >> zeros) / 2;  // the place is below + 1/2
    return below + zeroPoint < upper || zeroPoint - below > lower;
}

std::int64_t roundingShift(std::int64_t product, int shift, Rounding rounding) noexcept {
    std::int64_t rounded = 0;
    withRounding(rounding, [&]<Rounding R>() { rounded = roundedShift<R>(product, shift); });
    return rounded;
}

std::int32_t requantize(std::int64_t accumulator, const FixedFactor& factor, Rounding rounding,
                        std::int32_t zeroPoint, std::int32_t lower, std::int32_t upper) noexcept {
    const std::int64_t rounded = roundingShift(accumulator * factor.mantissa, 31 - factor.exponent, rounding);
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(rounded + zeroPoint, lower, upper));
}

std::optional<int> pureShift(const FixedFactor& factor) noexcept {
    if (factor.mantissa != 1 << 30) {
        return std::nullopt;
    }
    return 1 - factor.exponent;
}

std::vector<std::int64_t> requantizationThresholds(const FixedFactor& factor, std::int32_t largest) {
    std::vector<std::int64_t> thresholds;
    if (factor.mantissa == 0) {
        return thresholds;
    }
    // accumulator * m >= k 2^shift; m > 0: accumulator >= ceil(k 2^shift / m); m < 0: accumulator <= floor(k
    // 2^shift / m).
    const int shift = std::max(31 - factor.exponent, 0);
    for (std::int32_t k = 1; k <= largest; ++k) {
        const long double bound =
            std::ldexp(static_cast<long double>(k), shift) / static_cast<long double>(factor.mantissa);
        const long double whole = factor.mantissa > 0 ? std::ceil(bound) : std::floor(bound);
        constexpr auto kHighest = static_cast<long double>(std::numeric_limits<std::int64_t>::max());
        thresholds.push_back(whole >= kHighest    ? std::numeric_limits<std::int64_t>::max()
                             : whole <= -kHighest ? std::numeric_limits<std::int64_t>::min()
                                                  : static_cast<std::int64_t>(whole));
    }
    return thresholds;
}

}  // namespace bitlathe::core
