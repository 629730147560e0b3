#include "core/exporters/c_code/c_text.h"

#include <limits>

namespace bitlathe::core {

std::string cNumbers(std::span<const std::int64_t> values) {
    constexpr std::size_t kWidth = 110;
    std::string text;
    std::string line = "   ";
    for (const std::int64_t value : values) {
        // The smallest int has no literal of its own.
        const std::string number = value == std::numeric_limits<std::int32_t>::min()
                                       ? " (-2147483647 - 1),"
                                       : " " + std::to_string(value) + ",";
        if (line.size() + number.size() > kWidth) {
            text += line + "\n";
            line = "   ";
        }
        line += number;
    }
    return text + line + "\n";
}

}  // namespace bitlathe::core
