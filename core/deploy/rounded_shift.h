#pragma once

#include "core/types/rounding.h"

#include <cstdint>

namespace bitlathe::core {

/// round(product / 2^shift), shift >= 1.
template <Rounding R>
__attribute__((always_inline)) inline std::int64_t roundedShift(std::int64_t product, std::int64_t shift) {
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    if constexpr (R == Rounding::Floor) {
        return product >> shift;
    } else if constexpr (R == Rounding::HalfUp) {
        return (product + half) >> shift;
    } else if constexpr (R == Rounding::HalfAway) {
        return (product + half - (product < 0 ? 1 : 0)) >> shift;
    } else {
        return (product + half - 1 + ((product >> shift) & 1)) >> shift;
    }
}

}  // namespace bitlathe::core
