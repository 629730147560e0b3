#pragma once

#include "core/types/rounding.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitlathe::core {

/// A real factor as integers: factor = mantissa * 2^(exponent - fractionBits), README eq. 31. With 31
/// fraction bits: M0 in Q1.31 and N0 of Rusci et al.; 2^30 <= |mantissa| < 2^31, zero is {0, 0}.
struct FixedFactor {
    std::int32_t mantissa = 0;
    int exponent = 0;  ///< int8 in files: factors outside 2^-128 .. 2^127 saturate
    bool operator==(const FixedFactor&) const = default;
};

/// factor = m * 2^e with 0.5 <= |m| < 1; m is rounded half to even to `fractionBits` bits (a mantissa that
/// rounds up to 1 is kept at the largest code, as saturating hardware does). Errors  InvalidConfig: not
/// finite, fractionBits outside 1..31.
FixedFactor fixedFactor(double factor, int fractionBits = 31);
double value(const FixedFactor& factor, int fractionBits = 31) noexcept;

/// clamp(floor(accumulator * factor), 0, largest) in integers alone: an arithmetic shift of the 64-bit
/// product (README eq. 32).
std::int32_t requantize(std::int64_t accumulator, const FixedFactor& factor, std::int32_t largest) noexcept;

/// The general rule (README eq. 61): clamp(round(accumulator * factor) + zeroPoint, lower, upper), in integers
/// alone. With p = accumulator * mantissa (64 bits), n = 31 - exponent and h = 2^(n - 1), round is
///   Floor     p >> n                       HalfUp    (p + h) >> n
///   HalfAway  (p + h - [p < 0]) >> n       HalfEven  (p + h - 1 + ((p >> n) & 1)) >> n
/// |accumulator| < 2^31; 1 <= n <= 62.
std::int32_t requantize(std::int64_t accumulator, const FixedFactor& factor, Rounding rounding,
                        std::int32_t zeroPoint, std::int32_t lower, std::int32_t upper) noexcept;

/// Whether nearest roundings can differ: some accumulator in [-bound, bound] lies half-way between two codes that the
/// clamp does not make one. With mantissa = odd 2^z, n = 31 - exponent, half-way places are the odd multiples of
///   accumulator 2^(n-1-z), value |odd| / 2
/// so the least of them decides: it is out of reach, beyond the clamp on both sides, or it matters (true where a clamp
/// that does not hold the zero point would have to be looked at more closely).
bool roundingMatters(const FixedFactor& factor, std::int64_t bound, std::int32_t zeroPoint,
                     std::int32_t lower, std::int32_t upper) noexcept;

/// round(product / 2^shift) by the table above; 1 <= shift <= 62, |product| <= 2^62.
std::int64_t roundingShift(std::int64_t product, int shift, Rounding rounding) noexcept;

/// n where the factor is exactly 2^-n (power-of-two schemes): requantization is a shift.
std::optional<int> pureShift(const FixedFactor& factor) noexcept;

/// The same as thresholds on the accumulator: code k is reached from thresholds[k - 1] up (from there down
/// for a negative factor). Empty for a zero factor, whose output never changes. Values are what a 64-bit
/// accumulator could hold.
std::vector<std::int64_t> requantizationThresholds(const FixedFactor& factor, std::int32_t largest);

}  // namespace bitlathe::core
