#pragma once

#include "core/quantizers/quantizer.h"

#include <string_view>

namespace bitlathe::core {

/// Grid with zero point 0 (README eq. 4).
///
///   scale = max(|lower|, |upper|) / quantMax
///
/// Signed codes: quantMax = 2^(b-1) - 1, quantMin = -quantMax (narrow, what int8 kernels want) or -2^(b-1)
/// (full: one more negative code, same scale). Unsigned codes: 0..2^b - 1; negative values clip to zero.
/// Sign::Auto takes unsigned codes when no range has a negative part, for all slices together.
/// bits    unsigned 1..16; signed 2..16 (one signed bit has no code but zero)
/// Degenerate  all zero: scale 1. Unsigned over a range without a positive part: scale 1, everything clips to
/// zero. Errors  InvalidConfig: a bound is not finite, lower > upper, 1 bit signed. Source  Krishnamoorthi
/// 2018, arXiv:1806.08342, section 2.2; Wu et al. 2020, arXiv:2004.09602, section 3.1 (narrow).
class SymmetricQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "symmetric";

    enum class Sign { Auto, Signed, Unsigned };
    enum class Codes { Full, Narrow };
    explicit SymmetricQuantizer(Codes codes = Codes::Narrow, Sign sign = Sign::Auto,
                                Rounding rounding = Rounding::HalfEven,
                                StraightThrough gradient = StraightThrough::Clipped)
        : m_codes(codes), m_sign(sign), m_rounding(rounding), m_gradient(gradient) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;
    StraightThrough straightThrough() const noexcept override { return m_gradient; }

private:
    Codes m_codes;
    Sign m_sign;
    Rounding m_rounding;
    StraightThrough m_gradient;
};

}  // namespace bitlathe::core
