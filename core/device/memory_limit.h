#pragma once

#include <cstdint>

namespace bitlathe::core {

/// No memory map goes further; keeps sums of banks, and bytes counted in bits, far from overflow.
inline constexpr std::int64_t kMaxBankBytes = std::int64_t{1} << 44;

}  // namespace bitlathe::core
