#pragma once

#include <cstdint>
#include <span>

namespace bitlathe::core {

/// Mid-tread grid of a whole number of bins, for entropy-coded tensors (README eq. 28): q = round(x / step),
/// x̂ = q step, half even.
struct MidTread {
    double step = 0;  ///< 0: no bins, everything becomes `rest`
    double rest = 0;  ///< what everything becomes where there are no bins, in units of the values
    bool isClamped = false;
    double lowest = 0;  ///< limits of q; not whole in the reference's form
    double highest = 0;
};

/// Weights: step = (maximum - minimum) / bins, no clamp: about bins + 1 distinct codes.
MidTread midTreadForRange(double minimum, double maximum, double bins) noexcept;
/// Activations about their mean, with the Laplace clip for this many bins: step = 2 k b / bins, limits mean /
/// step ± bins / 2. One-sided: step = (max(mean, 0) + k b) / bins with k for twice the bins, limits 0 and
/// bins (the mean is counted once). Without bins everything becomes the mean, one-sided 0.
MidTread midTreadForLaplace(double mean, double scale, int bins, bool isOneSided, double multiplier) noexcept;

void midTread(std::span<const float> in, std::span<float> out, const MidTread& grid);

}  // namespace bitlathe::core
