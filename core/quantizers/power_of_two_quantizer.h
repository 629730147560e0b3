#pragma once

#include "core/quantizers/quantizer.h"

#include <string_view>

namespace bitlathe::core {

/// Symmetric grid whose scale is a power of two, so that requantization is a shift (README eq. 4).
///
///   R = 2^ceil(log2 max(|lower|, |upper|, 2^-16))     scale = R / 2^(b-1) signed, R / 2^b unsigned
///   codes -2^(b-1)..2^(b-1) - 1 signed, 0..2^b - 1 unsigned
///
/// The lowest signed code is used and the top code is one step short of R, as on fixed-point hardware.
/// Spacing::Exact uses R = max(|lower|, |upper|, 2^-16) itself (TI's "non power of two" option). With several
/// slices, a slice's scale is at most 2^channelGain times finer than the whole tensor's, so that accumulators
/// of all channels stay in reach of one shifter. Sign::Auto as in SymmetricQuantizer. Rounding is part of the
/// scheme: TI rounds weights half away from zero and activations floor(x + 0.5). bits    unsigned 1..16;
/// signed 2..16 Degenerate  ranges below 2^-16 in magnitude, zero included, use R = 2^-16. Errors
/// InvalidConfig: a bound is not finite, lower > upper, 1 bit signed. Source  edgeai-torchvision xnn (Texas
/// Instruments), quantization-aware training document; Jain et al. 2019, arXiv:1903.08066.
class PowerOfTwoQuantizer final : public Quantizer {
public:
    static constexpr std::string_view kName = "power_of_two";

    enum class Sign { Auto, Signed, Unsigned };
    enum class Spacing { PowerOfTwo, Exact };
    explicit PowerOfTwoQuantizer(Rounding rounding = Rounding::HalfEven, Sign sign = Sign::Auto,
                                 Spacing spacing = Spacing::PowerOfTwo, int channelGain = 8,
                                 StraightThrough gradient = StraightThrough::Clipped)
        : m_rounding(rounding), m_sign(sign), m_spacing(spacing), m_channelGain(channelGain),
          m_gradient(gradient) {}

    using Quantizer::qparams;
    QParams qparams(std::span<const Range> ranges, BitWidth bits, std::optional<int> axis) const override;
    StraightThrough straightThrough() const noexcept override { return m_gradient; }

private:
    Rounding m_rounding;
    Sign m_sign;
    Spacing m_spacing;
    int m_channelGain;  ///< bits
    StraightThrough m_gradient;
};

/// Exponent e of the largest power of two 2^e <= x, of the smallest 2^e >= x, and of the nearest by its
/// logarithm (half to even).
int floorLog2(double x) noexcept;
int roundLog2(double x) noexcept;
/// Exponent e of the smallest power of two 2^e >= x, exact; x > 0 and finite.
int ceilLog2(double x) noexcept;

}  // namespace bitlathe::core
