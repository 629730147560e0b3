#pragma once

#include <cstdint>
#include <string>

namespace bitlathe::experiments {

/// Milliseconds since 1970-01-01 UTC.
std::int64_t nowMs();
/// "2026-11-21T11:20:05.123Z"
std::string isoTime(std::int64_t msSinceEpoch);

}  // namespace bitlathe::experiments
