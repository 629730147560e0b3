#pragma once

#include <span>

namespace bitlathe::core {

/// Mean and standard deviation of a slice of weights.
struct WeightMoments {
    double mean = 0;
    double deviation = 0;  ///< unbiased (n - 1)
};
WeightMoments weightMoments(std::span<const float> weights) noexcept;

/// Standardises a slice before it is quantized ("var-mean" of QTool): (w - mean) / deviation, README eq. 16.
/// Statistics carry no gradient, so dw = g / deviation. A constant slice (deviation 0) is only centred: its
/// divisor is 1. Source  Li et al. 2019 (additive powers of two), arXiv:1909.13144, section 2.3.
void standardise(std::span<const float> weights, std::span<float> out, const WeightMoments& moments);
/// Undoes it: x deviation + mean.
void destandardise(std::span<const float> values, std::span<float> out, const WeightMoments& moments);
/// Divisor that standardise() uses: deviation, or 1 for a constant slice.
double standardiseDivisor(const WeightMoments& moments) noexcept;

}  // namespace bitlathe::core
