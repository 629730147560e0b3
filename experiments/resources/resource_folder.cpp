#include "experiments/resources/resource_folder.h"

#include "core/types/error.h"

#include <cstdlib>
#include <system_error>
#include <vector>

namespace bitlathe::experiments {

namespace {

namespace fs = std::filesystem;

bool hasDevices(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_directory(folder / "devices", ignored);
}

}  // namespace

fs::path resourceFolder() {
    if (const char* const chosen = std::getenv("BITLATHE_RESOURCES"); chosen != nullptr && *chosen != '\0') {
        return chosen;
    }
    std::error_code failure;
    const fs::path program = fs::read_symlink("/proc/self/exe", failure);
    if (failure) {
        return {};
    }
    const fs::path installed = program.parent_path().parent_path() / "share" / "bitlathe";
    if (hasDevices(installed)) {
        return installed;
    }
    for (fs::path folder = program.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
        if (hasDevices(folder / "resources")) {
            return folder / "resources";
        }
    }
    return {};
}

fs::path userDeviceFolder() {
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
        return fs::path(config) / "bitlathe" / "devices";
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        return fs::path(home) / ".config" / "bitlathe" / "devices";
    }
    return {};
}

fs::path findInput(const std::string& path, const std::string& recipeFolder) {
    const fs::path given(path);
    std::vector<fs::path> candidates;
    if (given.is_absolute()) {
        candidates = {given};
    } else {
        if (!recipeFolder.empty()) {
            candidates.push_back(fs::path(recipeFolder) / given);
        }
        candidates.push_back(fs::current_path() / given);
        if (const fs::path resources = resourceFolder(); !resources.empty()) {
            candidates.push_back(resources / given);
        }
    }
    std::string tried;
    for (const fs::path& candidate : candidates) {
        std::error_code ignored;
        if (fs::exists(candidate, ignored)) {
            return candidate.lexically_normal();
        }
        tried += "\n  " + candidate.lexically_normal().string();
    }
    throw core::Error(core::ErrorCode::Io, "there is no file '" + path + "'; looked for" + tried);
}

}  // namespace bitlathe::experiments
