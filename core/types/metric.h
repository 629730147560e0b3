#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bitlathe::core {

/// A number a run produced, with what it takes to trust it.
struct Metric {
    std::string name;  ///< snake_case: "top1", "rom_bytes"
    double value = 0;
    std::string unit;               ///< "%", "B", "dB", "images/s"; empty for a count
    std::int64_t samples = 0;       ///< how many samples the value rests on; 0 where it makes no sense
    std::optional<double> lower95;  ///< 95 % confidence interval, same unit
    std::optional<double> upper95;
};

}  // namespace bitlathe::core
