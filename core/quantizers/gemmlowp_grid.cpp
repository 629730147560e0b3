#include "core/quantizers/gemmlowp_grid.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {
constexpr double kSmallestScale = 1e-8;

GemmlowpGrid grid(const Range& range, int bits, Rounding rounding, bool hasZero) noexcept {
    GemmlowpGrid result;
    result.quantMax = static_cast<double>((1 << bits) - 1);
    result.scale = bits == 0 ? kSmallestScale : std::max(range.width() / result.quantMax, kSmallestScale);
    result.scale = static_cast<double>(static_cast<float>(result.scale));
    result.offset = range.lower;
    result.hasZero = hasZero;
    result.zeroPoint = roundTo(-range.lower / result.scale, rounding);
    result.rounding = rounding;
    return result;
}
}  // namespace

GemmlowpGrid gemmlowpGrid(const Range& range, int bits) noexcept {
    return grid(range, bits, Rounding::HalfEven, true);
}

GemmlowpGrid gemmlowpTensorGrid(const Range& range, int bits) noexcept {
    return grid(range, bits, Rounding::HalfAway, range.lower < 0.0 && range.upper > 0.0);
}

void quantizeGemmlowp(std::span<const float> in, std::span<float> out, std::span<std::int32_t> codes,
                      const GemmlowpGrid& grid) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        const auto x = static_cast<double>(in[i]);
        const double shifted =
            grid.hasZero ? x / grid.scale + grid.zeroPoint : (x - grid.offset) / grid.scale;
        const double code = roundTo(std::clamp(shifted, 0.0, grid.quantMax), grid.rounding);
        if (!codes.empty()) {
            codes[i] = static_cast<std::int32_t>(code);
        }
        if (!out.empty()) {
            out[i] = static_cast<float>(grid.hasZero ? (code - grid.zeroPoint) * grid.scale
                                                     : code * grid.scale + grid.offset);
        }
    }
}

}  // namespace bitlathe::core
