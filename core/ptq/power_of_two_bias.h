#pragma once

#include <span>
#include <vector>

namespace bitlathe::core {

/// What TI's engine can add as a bias beside power-of-two weights and activations (README eq. 35). Scales
/// here are multipliers, 2^k.
enum class BiasConstraint {
    None,         ///< the bias on a power-of-two grid of its own
    Accumulator,  ///< then as the accumulator realises it: a b-bit factor times the largest input code, or
                  ///< truncated to the accumulator's scale
    WeightScale,  ///< the weights' scale is lowered until the bias fits 2b bits at the accumulator's scale
};

struct PowerOfTwoLayer {
    double inputScale = 1;  ///< codes per unit of the layer's input
    bool isInputSigned = false;
    int bits = 8;  ///< of weights and bias
};

/// The weights' scale after BiasConstraint::WeightScale: min(weightScale, 2^(2b-1) / 2^ceil(log2 max|bias|) /
/// inputScale).
double constrainedWeightScale(std::span<const float> bias, double weightScale,
                              const PowerOfTwoLayer& layer) noexcept;

/// Bias as the layer will add it.
std::vector<float> powerOfTwoBias(std::span<const float> bias, double weightScale,
                                  const PowerOfTwoLayer& layer, BiasConstraint constraint);

}  // namespace bitlathe::core
