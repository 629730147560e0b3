#include "app/cli/output.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

namespace bitlathe::cli {

void printJson(const nlohmann::json& json) {
    printText(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void printText(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

std::string decimals(double value, int digits) {
    if (!std::isfinite(value)) {
        return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    return fmt::format("{:.{}f}", value, digits);
}

std::string bytesText(double bytes) {
    if (std::fabs(bytes) < 1024) {
        return decimals(bytes, 0) + " B";
    }
    const bool isMega = std::fabs(bytes) >= 1024.0 * 1024.0;
    return decimals(bytes / (isMega ? 1024.0 * 1024.0 : 1024.0), 1) + (isMega ? " MiB" : " KiB");
}

}  // namespace bitlathe::cli
