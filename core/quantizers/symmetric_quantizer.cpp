#include "core/quantizers/symmetric_quantizer.h"

#include "core/quantizers/grid.h"
#include "core/types/error.h"

#include <algorithm>

namespace bitlathe::core {

QParams SymmetricQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                    std::optional<int> axis) const {
    requireRanges(ranges, kName);
    const bool hasNegative =
        std::any_of(ranges.begin(), ranges.end(), [](const Range& range) { return range.lower < 0.0; });
    const bool isSigned = m_sign == Sign::Signed || (m_sign == Sign::Auto && hasNegative);
    if (isSigned && bits.bits() == 1) {
        throw Error(ErrorCode::InvalidConfig, "quantizer 'symmetric': 1 bit with a sign leaves zero as the "
                                              "only code; use 2 bits or more, unsigned "
                                              "codes, or a binary quantizer");
    }
    const CodeLimits codes = !isSigned                  ? unsignedCodes(bits.bits())
                             : m_codes == Codes::Narrow ? narrowCodes(bits.bits())
                                                        : signedCodes(bits.bits());
    QParams result;
    result.quantMin = codes.minimum;
    result.quantMax = codes.maximum;
    result.axis = axis;
    result.rounding = m_rounding;
    for (const Range& range : ranges) {
        const double reach = isSigned ? magnitude(range) : std::max(range.upper, 0.0);
        result.scale.push_back(reach == 0.0 ? 1.0F : toScale(reach / codes.maximum, codes.steps()));
        result.zeroPoint.push_back(0);
    }
    return result;
}

}  // namespace bitlathe::core
