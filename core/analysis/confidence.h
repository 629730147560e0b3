#pragma once

#include <cstdint>

namespace bitlathe::core {

struct Interval {
    double lower = 0;
    double upper = 0;
};

/// Wilson score interval of a proportion at 95 %, as shares 0..1 (Wilson 1927). {0, 1} for no samples.
Interval wilson95(std::int64_t successes, std::int64_t samples) noexcept;

}  // namespace bitlathe::core
