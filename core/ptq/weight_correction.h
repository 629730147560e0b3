#pragma once

#include <span>

namespace bitlathe::core {

/// What weight correction restores of one output channel after quantization (README eq. 25).
struct WeightCorrection {
    bool mean = true;        ///< bias correction: the channel's mean is the float one again
    bool deviation = false;  ///< variance correction: so is its standard deviation (n - 1)
    enum class Centre {
        Mean,  ///< the deviation is scaled about the quantized mean, as published
        Zero,  ///< about zero: the mean grows with it, but the weights stay on a grid that integer models hold
    };
    Centre centre = Centre::Mean;
};

/// In place on the dequantized weights of one output channel: first the deviation, scaled about the quantized
/// mean, then the mean.
///   ŵ = (ŵ - mean(ŵ)) std(w) / (std(ŵ) + 1e-8) + mean(ŵ);      ŵ = ŵ - mean(ŵ) + mean(w)
/// The corrected weights leave the integer grid: they are s ξ (q - z) + β with one ξ and β per channel, and β
/// is what an engine adds as β * sum of the inputs. Source  Banner et al. 2019, arXiv:1810.05723, section 5.
void correctWeights(std::span<const float> weights, std::span<float> quantized,
                    const WeightCorrection& correction);

/// The same correction as a line through the quantized weights: ŵ = gain ŵ + shift. A channel of which the weights or
/// their codes are all the same has no deviation to restore: its gain is 1.
struct ChannelCorrection {
    double gain = 1;
    double shift = 0;
};
ChannelCorrection channelCorrection(std::span<const float> weights, std::span<const float> quantized,
                                    const WeightCorrection& correction);

/// Weights far beyond the bulk, pulled in so that one power-of-two range more is not spent on them (TI's
/// weight constraint): with M = max|w| and m the lower median of |w|, only if M > value and M > ratio m,
/// clamp to ±2^ceil(log2 min(M, ratio m)) (1 - 8/128). Source  edgeai-torchvision xnn, constrain_weights;
/// ratio 16 and value 15 are its defaults.
void constrainWeights(std::span<float> weights, double ratio = 16.0, double value = 15.0);

}  // namespace bitlathe::core
