#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// Codes of 1 to 8 bits without gaps: code i takes the bits [i b, (i + 1) b) of a little-endian bit stream, so
/// at 4 bits the first of two codes is in the low nibble, at 2 bits the first of four in bits 0 and 1. Signed
/// codes are two's complement of b bits.
class PackedCodes {
public:
    PackedCodes() = default;
    /// Errors  InvalidConfig: bits outside 1..8, or a code that does not fit them.
    PackedCodes(std::span<const std::int32_t> codes, int bits, bool isSigned);

    int bits() const noexcept { return m_bits; }
    bool isSigned() const noexcept { return m_isSigned; }
    std::int64_t size() const noexcept { return m_size; }
    std::int32_t operator[](std::int64_t index) const noexcept;
    std::vector<std::int16_t> unpacked() const;
    /// ceil(size * bits / 8) bytes.
    const std::vector<std::uint8_t>& bytes() const noexcept { return m_bytes; }
    bool operator==(const PackedCodes&) const = default;

private:
    int m_bits = 8;
    bool m_isSigned = false;
    std::int64_t m_size = 0;
    std::vector<std::uint8_t> m_bytes;
};

}  // namespace bitlathe::core
