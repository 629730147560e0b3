#pragma once

#include <span>
#include <vector>

namespace bitlathe::core {

/// What rounding does to one channel between two layers, as shares and noise powers with every scale s = 1. A share says
/// how far the channel fills the range whose step all channels have in common: 1 for the channel that decides it, 0 where
/// the channel has a step of its own, or no step at all. Noise is measured at the second layer's output (README eq. 57).
struct EqualizedChannel {
    double firstShare = 0;   ///< of the first layer's weights
    double valueShare = 0;   ///< of the value between the layers
    double secondShare = 0;  ///< of the second layer's weights
    double firstNoise = 0;   ///< power that rounding the first layer's weights of this channel adds
    double valueNoise = 0;   ///< that rounding the value between adds
    double secondNoise = 0;  ///< that rounding the second layer's weights that read the channel adds
};

/// Noise that the scales leave (README eq. 57): with the steps t1 = max firstShare / s, ta = max valueShare / s,
/// t2 = max secondShare s, each as a factor of what it was,
///   J(s) = sum over channels of s² (t1² firstNoise + ta² valueNoise) + t2² secondNoise / s²
double equalizationNoise(std::span<const EqualizedChannel> channels, std::span<const double> scales);

/// Scales of little noise: for given steps the best s of each channel is (secondNoise t2² / (firstNoise t1² + valueNoise
/// ta²))^(1/4), held where the steps allow it; the steps are found by a pattern search in powers of 2^(1/8) that starts
/// from s = 1. Never noisier than s = 1. Each s lies in [2^-10, 2^10].
std::vector<double> quietestScales(std::span<const EqualizedChannel> channels);

}  // namespace bitlathe::core
