#pragma once

#include <cstdint>

namespace bitlathe::engine {

/// Largest resident memory of this process so far; 0 where the system does not say.
std::int64_t peakMemoryBytes();

}  // namespace bitlathe::engine
