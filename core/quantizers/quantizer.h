#pragma once

#include "core/types/bit_width.h"
#include "core/types/qparams.h"
#include "core/types/range.h"

#include <optional>
#include <span>

namespace bitlathe::core {

/// Places a grid of 2^bits codes over a range. Stateless: everything it decides is in the QParams it returns,
/// and the one fused kernel of fake_quantize.h does the arithmetic for all of them.
class Quantizer {
public:
    virtual ~Quantizer() = default;

    /// One scale and zero point per entry of `ranges`.
    /// ranges  one for per-tensor (axis empty), one per slice along `axis` otherwise; tensor units
    /// Degenerate ranges (zero width, all zero) give a grid on which zero, and the constant if there is one,
    /// is exact. Errors  InvalidConfig: a bound is not finite, lower > upper, bits this quantizer cannot do.
    virtual QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const = 0;

    /// The per-tensor form.
    QParams qparams(const Range& range, BitWidth bits) const {
        return qparams({&range, 1}, bits, std::nullopt);
    }
};

}  // namespace bitlathe::core
