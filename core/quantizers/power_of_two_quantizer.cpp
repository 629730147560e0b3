#include "core/quantizers/power_of_two_quantizer.h"

#include "core/quantizers/grid.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {
constexpr double kSmallestReach = 0x1p-16;
}

int ceilLog2(double x) noexcept {
    // frexp is exact where log2 may round: x = m * 2^e with m in [0.5, 1).
    int exponent = 0;
    const double mantissa = std::frexp(x, &exponent);
    return mantissa == 0.5 ? exponent - 1 : exponent;
}

QParams PowerOfTwoQuantizer::qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const {
    requireRanges(ranges, kName);
    const bool hasNegative =
        std::any_of(ranges.begin(), ranges.end(), [](const Range& range) { return range.lower < 0.0; });
    const bool isSigned = m_sign == Sign::Signed || (m_sign == Sign::Auto && hasNegative);
    if (isSigned && bits.bits() == 1) {
        throw Error(ErrorCode::InvalidConfig,
                    "quantizer 'power_of_two': 1 bit with a sign has no positive code; use 2 bits or "
                    "more, unsigned codes, or a binary quantizer");
    }
    const CodeLimits codes = isSigned ? signedCodes(bits.bits()) : unsignedCodes(bits.bits());
    QParams result;
    result.quantMin = codes.minimum;
    result.quantMax = codes.maximum;
    result.axis = axis;
    result.rounding = m_rounding;
    for (const Range& range : ranges) {
        const double reach = std::max(isSigned ? magnitude(range) : range.upper, kSmallestReach);
        const int exponent = ceilLog2(reach) - (isSigned ? bits.bits() - 1 : bits.bits());
        // Normal float32, and the outermost code still finite; only a range typed beyond float's meets the
        // limits.
        result.scale.push_back(std::ldexp(1.0F, std::clamp(exponent, -126, 127 - bits.bits())));
        result.zeroPoint.push_back(0);
    }
    return result;
}

}  // namespace bitlathe::core
