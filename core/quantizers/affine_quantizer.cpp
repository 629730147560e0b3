#include "core/quantizers/affine_quantizer.h"

#include "core/quantizers/grid.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

float affineScale(const Range& range, const CodeLimits& codes) {
    const Range extended = extendedToZero(range);
    if (extended.width() == 0.0) {
        return 1.0F;
    }
    if (range.width() == 0.0) {
        return toScale(magnitude(range), codes.steps());
    }
    return toScale(extended.width() / codes.steps(), codes.steps());
}

std::int32_t affineZeroPoint(const Range& range, float scale, const CodeLimits& codes) {
    // The double quotient of the float32 scale: what a reader of the scale would compute. A 1-bit grid over
    // [-a, b] gets zero point 0 or 1 as the far end asks; the tie a = b rounds to even, to the positive side.
    const double steps = roundTo(std::min(range.lower, 0.0) / static_cast<double>(scale), Rounding::HalfEven);
    const double zeroPoint = codes.minimum - steps;
    return static_cast<std::int32_t>(
        std::clamp(zeroPoint, static_cast<double>(codes.minimum), static_cast<double>(codes.maximum)));
}

}  // namespace

QParams AffineQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                 std::optional<int> axis) const {
    requireRanges(ranges, kName);
    const CodeLimits codes = m_codes == Codes::Signed ? signedCodes(bits.bits()) : unsignedCodes(bits.bits());
    QParams result;
    result.quantMin = codes.minimum;
    result.quantMax = codes.maximum;
    result.axis = axis;
    result.rounding = m_rounding;
    for (const Range& range : ranges) {
        const float scale = affineScale(range, codes);
        result.scale.push_back(scale);
        result.zeroPoint.push_back(affineZeroPoint(range, scale, codes));
    }
    return result;
}

}  // namespace bitlathe::core
