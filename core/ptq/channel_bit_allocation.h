#pragma once

#include "core/observers/analytic_clip.h"

#include <span>
#include <utility>
#include <vector>

namespace bitlathe::core {

/// Bits per channel for a mean number of bits, by the published rule (README eq. 24):
///   2^(M_c) = C 2^target spread_c^(2/3) / sum spread^(2/3);   M_c = clamp(round or ceil of log2, 0, highest)
/// spread  sigma (or b) of each channel, >= 0. Channels of spread 0 get 0 bits; all zero: everyone gets the
/// target, rounded. Source  Banner et al. 2019, arXiv:1810.05723, section 4.
enum class BitRounding { Nearest, Ceil };

struct BitAllocation {
    std::vector<double> bins;  ///< real number of levels of each channel, before rounding
    std::vector<int> bits;
    double meanBits = 0;
    /// What allocateBits() went through: the target it asked for and the mean it got, by round.
    std::vector<std::pair<double, double>> rounds;
};

BitAllocation allocateBitsOnce(std::span<const double> spread, double targetBits,
                               BitRounding rounding = BitRounding::Nearest, int highest = 8);

/// The rule gives levels, not bits, their mean: up to ten rounds move its target by half the mean's error and
/// stop within 0.01 (or 1 round where that is met at once). The last round's bits.
BitAllocation allocateBits(std::span<const double> spread, double targetBits,
                           BitRounding rounding = BitRounding::Nearest, int highest = 8);

/// The bits of least total error for the same mean: each next bit goes to the channel it helps most, spread²
/// (D(M) - D(M + 1)), with D the error of the real grid for the prior at scale 1 and D(0) its variance. Mean
/// bits are exactly round(C target) / C. Optimal where D(M) - D(M + 1) falls with M, as it does for both
/// priors.
BitAllocation allocateBitsGreedily(std::span<const double> spread, double targetBits,
                                   ClipPrior prior = ClipPrior::Laplace, int highest = 8);

/// Levels instead of bits, for coders that do not need powers of two: the real bins of the rule and their
/// rounded values.
std::vector<int> allocateBins(std::span<const double> spread, double targetBits);

}  // namespace bitlathe::core
