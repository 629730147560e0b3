#pragma once

#include "core/types/qparams.h"

#include <cstdint>
#include <span>

namespace bitlathe::core {

/// The fused kernels: one vectorised pass, no temporaries. `in` and `out` may be the same memory. Each works
/// on one contiguous run of values that share scale and zero point; callers (engine, exporters) split tensors
/// and threads.
///
///   q = clamp(round(x / scale) + zeroPoint, quantMin, quantMax)     x̂ = (q - zeroPoint) * scale      (README
///   eq. 1, 2)
///
/// Division, not multiplication by the reciprocal: ONNX QuantizeLinear divides, and the two differ at ties
/// (see fake_quantize.cpp for a witness). Float32 throughout. NaN gives the code of zero; +-Inf clamps.
/// Grids with level tables (README eq. 36) go the same ways: code = number of thresholds strictly below x.
void fakeQuantize(std::span<const float> in, std::span<float> out, const QParams& qparams,
                  std::size_t channel = 0);

/// Codes q alone.
void quantize(std::span<const float> in, std::span<std::int32_t> out, const QParams& qparams,
              std::size_t channel = 0);

/// Channels-last runs: value i belongs to channel i % channels; scale and zero point per channel.
void fakeQuantizeInterleaved(std::span<const float> in, std::span<float> out, const QParams& qparams);

/// Straight-through gradient (Bengio 2013): out = gradient where the value's unclamped code lies in
/// [quantMin, quantMax], else 0; NaN has no gradient. `x` is the forward input. A level table passes the
/// gradient from its lowest to its highest level, both included.
void fakeQuantizeBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> out,
                          const QParams& qparams, std::size_t channel = 0);

/// The forward pass of training, with the one byte a value its backward pass needs: mask = 1 where
/// fakeQuantizeBackward lets the gradient pass, else 0. The input need not be kept.
void fakeQuantizeMasked(std::span<const float> in, std::span<float> out, std::span<std::uint8_t> mask,
                        const QParams& qparams, std::size_t channel = 0);
void fakeQuantizeInterleavedMasked(std::span<const float> in, std::span<float> out,
                                   std::span<std::uint8_t> mask, const QParams& qparams);
/// out = gradient where mask is 1, else 0. `gradient` and `out` may be the same memory.
void maskGradient(std::span<const std::uint8_t> mask, std::span<const float> gradient, std::span<float> out);

/// Straight-through gradient of clamp(x, lower, upper): out = gradient where lower <= x <= upper, else 0; NaN
/// has none. The mask of schemes that clip before they quantize (TI): up to half a step narrower at each end
/// than that of fakeQuantizeBackward.
void clampBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> out,
                   float lower, float upper);

/// A whole tensor stored contiguously: `outer` blocks of `channels` runs of `inner` values each, as
/// elementCount(before axis), size(axis), elementCount(after axis). Per-tensor qparams ignore the split.
void fakeQuantizeTensor(std::span<const float> in, std::span<float> out, const QParams& qparams,
                        std::int64_t outer, std::int64_t channels, std::int64_t inner);
void quantizeTensor(std::span<const float> in, std::span<std::int32_t> out, const QParams& qparams,
                    std::int64_t outer, std::int64_t channels, std::int64_t inner);

}  // namespace bitlathe::core
