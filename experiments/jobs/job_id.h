#pragma once

#include <compare>
#include <cstdint>

namespace bitlathe::experiments {

/// Number of a job in the life of one JobRunner, counted from 1 in the order of enqueue(). 0: none.
struct JobId {
    std::int64_t value = 0;
    bool isValid() const noexcept { return value > 0; }
    auto operator<=>(const JobId&) const = default;
};

}  // namespace bitlathe::experiments
