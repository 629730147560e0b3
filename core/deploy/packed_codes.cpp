#include "core/deploy/packed_codes.h"

#include "core/types/error.h"

#include <string>

namespace bitlathe::core {

PackedCodes::PackedCodes(std::span<const std::int32_t> codes, int bits, bool isSigned)
    : m_bits(bits), m_isSigned(isSigned), m_size(static_cast<std::int64_t>(codes.size())) {
    if (bits < 1 || bits > 8) {
        throw Error(ErrorCode::InvalidConfig,
                    "codes of " + std::to_string(bits) + " bits cannot be packed; use 1 to 8");
    }
    const std::int32_t lowest = isSigned ? -(1 << (bits - 1)) : 0;
    const std::int32_t highest = isSigned ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    m_bytes.assign((codes.size() * static_cast<std::size_t>(bits) + 7) / 8, 0);
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] < lowest || codes[i] > highest) {
            throw Error(ErrorCode::InvalidConfig, "code " + std::to_string(codes[i]) + " does not fit " +
                                                      std::to_string(bits) +
                                                      (isSigned ? " signed bits" : " unsigned bits"));
        }
        const std::uint32_t pattern = static_cast<std::uint32_t>(codes[i]) & ((1U << bits) - 1U);
        const std::size_t first = i * static_cast<std::size_t>(bits);
        const std::uint32_t placed = pattern << (first % 8);
        m_bytes[first / 8] = static_cast<std::uint8_t>(m_bytes[first / 8] | (placed & 0xFFU));
        if (placed > 0xFFU) {
            m_bytes[first / 8 + 1] = static_cast<std::uint8_t>(m_bytes[first / 8 + 1] | (placed >> 8U));
        }
    }
}

std::int32_t PackedCodes::operator[](std::int64_t index) const noexcept {
    const auto first = static_cast<std::size_t>(index) * static_cast<std::size_t>(m_bits);
    std::uint32_t window = m_bytes[first / 8];
    if (first % 8 + static_cast<std::size_t>(m_bits) > 8) {
        window |= static_cast<std::uint32_t>(m_bytes[first / 8 + 1]) << 8U;
    }
    const auto code = static_cast<std::int32_t>((window >> (first % 8)) & ((1U << m_bits) - 1U));
    return m_isSigned && code >> (m_bits - 1) != 0 ? code - (1 << m_bits) : code;
}

std::vector<std::int16_t> PackedCodes::unpacked() const {
    std::vector<std::int16_t> codes(static_cast<std::size_t>(m_size));
    for (std::int64_t i = 0; i < m_size; ++i) {
        codes[static_cast<std::size_t>(i)] = static_cast<std::int16_t>((*this)[i]);
    }
    return codes;
}

}  // namespace bitlathe::core
