#pragma once

#include <compare>
#include <cstdint>

namespace bitlathe::core {

/// Seed of every random draw of a run; stored in its row of the log.
struct Seed {
    std::uint64_t value = 0;
    auto operator<=>(const Seed&) const = default;
};

}  // namespace bitlathe::core
