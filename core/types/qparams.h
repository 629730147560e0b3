#pragma once

#include "core/types/rounding.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitlathe::core {

/// Everything fake-quantization of one tensor needs (README eq. 1 and 2):
///   q = clamp(round(x / scale) + zeroPoint, quantMin, quantMax)       x̂ = (q - zeroPoint) * scale
/// `scale` and `zeroPoint` hold one entry, or one per slice along `axis`. Scales are float32, as every
/// runtime stores them, so that fake-quantization and an exported model compute the same codes.
struct QParams {
    std::vector<float> scale;
    std::vector<std::int32_t> zeroPoint;
    std::int32_t quantMin = 0;
    std::int32_t quantMax = 0;
    std::optional<int> axis;  ///< empty: per tensor
    Rounding rounding = Rounding::HalfEven;

    bool isPerChannel() const noexcept { return axis.has_value(); }
    bool isSigned() const noexcept { return quantMin < 0; }
    /// Smallest and largest representable real value of slice `channel`.
    double representableLower(std::size_t channel = 0) const noexcept {
        return (static_cast<double>(quantMin) - zeroPoint[channel]) * static_cast<double>(scale[channel]);
    }
    double representableUpper(std::size_t channel = 0) const noexcept {
        return (static_cast<double>(quantMax) - zeroPoint[channel]) * static_cast<double>(scale[channel]);
    }
    bool operator==(const QParams&) const = default;
};

}  // namespace bitlathe::core
