#pragma once

#include "core/types/error.h"

#include <compare>
#include <string>

namespace bitlathe::core {

/// Width of a code in bits, 1..16; cannot hold anything else. Float is not a width: sites say so
/// by an empty std::optional<BitWidth>.
class BitWidth {
public:
    static constexpr int kMin = 1;
    static constexpr int kMax = 16;

    /// Errors  InvalidConfig: bits outside 1..16.
    explicit BitWidth(int bits) : m_bits(bits) {
        if (bits < kMin || bits > kMax) {
            throw Error(ErrorCode::InvalidConfig,
                        "bit width " + std::to_string(bits) +
                            " is outside 1..16; use 1 to 16, or float for no quantization");
        }
    }
    int bits() const noexcept { return m_bits; }
    /// Number of codes, 2^bits.
    int levels() const noexcept { return 1 << m_bits; }
    auto operator<=>(const BitWidth&) const = default;

private:
    int m_bits;
};

}  // namespace bitlathe::core
