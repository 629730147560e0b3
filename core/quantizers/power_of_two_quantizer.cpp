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

int floorLog2(double x) noexcept {
    int exponent = 0;
    std::frexp(x, &exponent);
    return exponent - 1;
}

int roundLog2(double x) noexcept {
    return static_cast<int>(std::nearbyint(std::log2(x)));
}

QParams PowerOfTwoQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                     std::optional<int> axis) const {
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
    const int valueBits = isSigned ? bits.bits() - 1 : bits.bits();
    const auto scaleOf = [&](double reach) {
        const double atLeast = std::max(reach, kSmallestReach);
        if (m_spacing == Spacing::Exact) {
            return toScale(std::ldexp(atLeast, -valueBits), codes.steps());
        }
        // Normal float32, and the outermost code still finite; only a range typed beyond float's meets the
        // limits.
        return std::ldexp(1.0F, std::clamp(ceilLog2(atLeast) - valueBits, -126, 127 - bits.bits()));
    };
    const auto reachOf = [&](const Range& range) { return isSigned ? magnitude(range) : range.upper; };
    double widest = 0;
    for (const Range& range : ranges) {
        widest = std::max(widest, reachOf(range));
    }
    const float finest = std::ldexp(scaleOf(widest), -m_channelGain);
    for (const Range& range : ranges) {
        result.scale.push_back(std::max(scaleOf(reachOf(range)), finest));
        result.zeroPoint.push_back(0);
    }
    return result;
}

}  // namespace bitlathe::core
