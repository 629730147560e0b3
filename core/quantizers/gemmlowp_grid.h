#pragma once

#include "core/types/qparams.h"
#include "core/types/range.h"

#include <span>

namespace bitlathe::core {

/// The grids of ACIQ's code, for work that has to agree with it. They differ from AffineQuantizer in
/// degenerate and one-sided ranges: the range is not extended to zero and the zero point is not clamped to
/// the codes.
///
///   scale = max(width / (2^bits - 1), 1e-8)     zeroPoint = round(-lower / scale)      bits may be 0: then
///   every value becomes about `lower`
///
/// Source  submission2019/cnn-quantization (Banner et al. 2019, arXiv:1810.05723), int_quantizer.
struct GemmlowpGrid {
    double scale = 0;
    double zeroPoint = 0;  ///< whole
    double quantMax = 0;
    double offset = 0;    ///< lower end of the range
    bool hasZero = true;  ///< false: x̂ = q scale + offset, no code is exactly zero
    Rounding rounding = Rounding::HalfEven;
};

/// Zero always on the grid, half to even: the clipped and per-channel path.
GemmlowpGrid gemmlowpGrid(const Range& range, int bits) noexcept;
/// Zero on the grid only where it lies strictly inside the range, half away from zero: the per-tensor min-max
/// path.
GemmlowpGrid gemmlowpTensorGrid(const Range& range, int bits) noexcept;

/// Codes and values, float32 like the reference. Either output may be empty.
void quantizeGemmlowp(std::span<const float> in, std::span<float> out, std::span<std::int32_t> codes,
                      const GemmlowpGrid& grid);

}  // namespace bitlathe::core
