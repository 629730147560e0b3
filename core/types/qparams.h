#pragma once

#include "core/types/rounding.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitlathe::core {

/// One slice's levels where a scale and a zero point cannot give them (README eq. 36):
///   code = number of thresholds strictly below x        x̂ = levels[code]
struct LevelTable {
    std::vector<float> levels;      ///< ascending (neighbours may be equal), 2 to 256, finite
    std::vector<float> thresholds;  ///< ascending, one fewer than levels, finite
    bool operator==(const LevelTable&) const = default;
};

/// Everything fake-quantization of one tensor needs (README eq. 1 and 2):
///   q = clamp(round(x / scale) + zeroPoint, quantMin, quantMax)       x̂ = (q - zeroPoint) * scale
/// `scale` and `zeroPoint` hold one entry, or one per slice along `axis`. Scales are float32, as every
/// runtime stores them, so that fake-quantization and an exported model compute the same codes.
///
/// A grid that is not uniform has one table per slice instead; its codes run from quantMin = 0 to
/// quantMax = number of levels - 1, the same for all slices. `scale` still has one entry per slice, the mean
/// distance of neighbouring levels, for those who need an order of magnitude; `zeroPoint` is 0.
struct QParams {
    std::vector<float> scale;
    std::vector<std::int32_t> zeroPoint;
    std::int32_t quantMin = 0;
    std::int32_t quantMax = 0;
    std::optional<int> axis;  ///< empty: per tensor
    Rounding rounding = Rounding::HalfEven;
    std::vector<LevelTable> tables;  ///< one per slice; empty: uniform

    bool isPerChannel() const noexcept { return axis.has_value(); }
    bool isUniform() const noexcept { return tables.empty(); }
    bool isSigned() const noexcept { return quantMin < 0; }
    std::size_t slices() const noexcept { return scale.size(); }
    /// The real value code `code` of slice `channel` stands for.
    double value(std::int32_t code, std::size_t channel = 0) const noexcept {
        return isUniform()
                   ? (static_cast<double>(code) - zeroPoint[channel]) * static_cast<double>(scale[channel])
                   : static_cast<double>(tables[channel].levels[static_cast<std::size_t>(code)]);
    }
    /// Smallest and largest representable real value of slice `channel`.
    double representableLower(std::size_t channel = 0) const noexcept { return value(quantMin, channel); }
    double representableUpper(std::size_t channel = 0) const noexcept { return value(quantMax, channel); }
    bool operator==(const QParams&) const = default;
};

}  // namespace bitlathe::core
