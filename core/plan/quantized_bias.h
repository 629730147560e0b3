#pragma once

#include "core/types/qparams.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// A layer's bias as the accumulator adds it (README eq. 10): int32 codes on the grid of the products.
struct QuantizedBias {
    std::vector<std::int32_t> codes;
    std::vector<float>
        scale;  ///< s_in * s_w[c]: one per code, or one for all when the weights are per tensor
    float value(std::size_t c) const noexcept {
        return static_cast<float>(codes[c]) * scale[scale.size() == 1 ? 0 : c];
    }
};

/// code = clamp(round half even(bias / (s_in * s_w[c])), int32). The product is rounded to float32 first, as
/// files store it, and is never below the smallest normal float. Saturation needs |bias| > 2^31 steps: such a
/// bias drowns the products anyway. bias    one value per output channel, finite input   the layer's input
/// grid, per tensor weight  the layer's weight grid, per tensor or one scale per output channel Errors
/// InvalidConfig: input has a scale per channel (its sum over channels has no common scale), or a grid is not uniform.
///         ShapeMismatch: per-channel weights with another number of channels.  NonFiniteInput.
QuantizedBias quantizedBias(std::span<const float> bias, const QParams& input, const QParams& weight);

}  // namespace bitlathe::core
