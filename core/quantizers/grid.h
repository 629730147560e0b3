#pragma once

#include "core/types/range.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace bitlathe::core {

/// Limits of the codes of `bits` bits.
struct CodeLimits {
    std::int32_t minimum = 0;
    std::int32_t maximum = 0;
    std::int32_t steps() const noexcept { return maximum - minimum; }
};
CodeLimits unsignedCodes(int bits) noexcept;  ///< 0 .. 2^b - 1
CodeLimits signedCodes(int bits) noexcept;    ///< -2^(b-1) .. 2^(b-1) - 1
CodeLimits narrowCodes(int bits) noexcept;    ///< -(2^(b-1) - 1) .. 2^(b-1) - 1

/// What every uniform quantizer asks of its ranges. `quantizer` names it in the message.
/// Errors  InvalidConfig: no ranges, a bound that is not finite, lower > upper; the text names the slice.
void requireRanges(std::span<const Range> ranges, std::string_view quantizer);

/// The range with zero in it (README eq. 3).
Range extendedToZero(const Range& range) noexcept;

/// A step as float32, kept positive, normal and small enough that `largestCode` steps stay finite: denormal
/// steps lose the precision the grid needs, and an infinite one has no codes.
float toScale(double step, std::int32_t largestCode) noexcept;

/// Largest magnitude of the range.
double magnitude(const Range& range) noexcept;

}  // namespace bitlathe::core
