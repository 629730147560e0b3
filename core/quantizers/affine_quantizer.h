#pragma once

#include "core/quantizers/quantizer.h"

#include <string_view>

namespace bitlathe::core {

/// Affine grid with an integer zero point, so that zero (padding, ReLU) has a code of its own (README eq. 3).
///
///   lower = min(lower, 0)   upper = max(upper, 0)
///   scale = (upper - lower) / (2^bits - 1)      zeroPoint = clamp(quantMin - round(lower / scale))
///
/// The zero point is rounded half to even from the float32 scale; the nudge moves both ends of the
/// represented range by at most half a step. Codes 0..2^b - 1, or -2^(b-1)..2^(b-1) - 1 with `signed`; both
/// give the same real values. bits    1..16; 1 bit is {0, w} or {-w, 0} with w = upper - lower, on the side
/// that reaches farther (ties: positive) Degenerate  all zero: scale 1, so zero is exact. Zero width at c !=
/// 0: scale |c|, so zero and c are both exact. Errors  InvalidConfig: a bound is not finite, lower > upper.
/// Source  Jacob et al. 2018, arXiv:1712.05877, section 2.1; gemmlowp/doc/quantization.md (zero nudging).
class AffineQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "affine";

    enum class Codes { Unsigned, Signed };
    explicit AffineQuantizer(Codes codes = Codes::Unsigned, Rounding rounding = Rounding::HalfEven,
                             StraightThrough gradient = StraightThrough::Clipped)
        : m_codes(codes), m_rounding(rounding), m_gradient(gradient) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;
    StraightThrough straightThrough() const noexcept override { return m_gradient; }

private:
    Codes m_codes;
    Rounding m_rounding;
    StraightThrough m_gradient;
};

}  // namespace bitlathe::core
