#include "experiments/store/experiment_log.h"

#include <cstdlib>
#include <filesystem>

namespace bitlathe::experiments {

namespace {

std::filesystem::path dataFolder() {
    // The XDG specification: relative values are invalid and must be ignored.
    if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') {
        return data;
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        return std::filesystem::path(home) / ".local" / "share";
    }
    std::error_code ignored;
    return std::filesystem::temp_directory_path(ignored);
}

}  // namespace

std::string defaultLogPath() {
    return (dataFolder() / "bitlathe" / "experiments.db").string();
}

}  // namespace bitlathe::experiments
