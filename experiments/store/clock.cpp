#include "experiments/store/clock.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace bitlathe::experiments {

std::int64_t nowMs() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string isoTime(std::int64_t msSinceEpoch) {
    const auto seconds = static_cast<std::time_t>(msSinceEpoch / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                  static_cast<int>(msSinceEpoch % 1000));
    return text.data();
}

}  // namespace bitlathe::experiments
