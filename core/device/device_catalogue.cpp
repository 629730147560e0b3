#include "core/device/device.h"
#include "core/types/error.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <system_error>
#include <utility>

namespace bitlathe::core {

namespace {

namespace fs = std::filesystem;

std::int64_t limit(const std::vector<MemoryBank>& banks, std::int64_t reserved) noexcept {
    std::int64_t total = 0;
    for (const MemoryBank& bank : banks) {
        total += bank.isUsable ? bank.sizeBytes : 0;
    }
    return std::max<std::int64_t>(0, total - reserved);
}

/// What ids and names are compared by: lower-case letters and digits alone ("STM32-F411 RE" is
/// "stm32f411re").
std::string normalised(const std::string& text) {
    std::string key;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
    }
    return key;
}

std::string readFile(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!stream.is_open() || stream.bad()) {
        throw Error(ErrorCode::Io, "device file " + path.string() + " cannot be read; check its permissions");
    }
    return text;
}

/// Paths of the folder's *.json, sorted, so that errors do not depend on the order the file system lists them
/// in.
std::vector<fs::path> jsonFiles(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        if (entry->path().extension() == ".json") {
            files.push_back(entry->path());
        }
    }
    if (error) {
        throw Error(ErrorCode::Io,
                    "device folder " + folder.string() + " cannot be read: " + error.message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// The folder's devices by normalised id. Two files whose names differ in case or punctuation alone are one
/// id twice.
std::map<std::string, Device> loadFolder(const fs::path& folder, bool isUserDefined) {
    std::map<std::string, Device> devices;
    for (const fs::path& path : jsonFiles(folder)) {
        Device device = parseDevice(readFile(path), path.string());
        device.isUserDefined = isUserDefined;
        const auto [other, isNew] = devices.emplace(normalised(device.id), device);
        if (!isNew) {
            throw Error(ErrorCode::DataFormat, "device file " + path.string() + ": the id '" + device.id +
                                                   "' is taken by " + other->second.id +
                                                   ".json in the same folder; rename one of them");
        }
    }
    return devices;
}

/// Levenshtein distance: how many letters to change, add or drop.
std::size_t editDistance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

/// How far a device is from what was asked for; 0 when the one contains the other.
std::size_t distance(const Device& device, const std::string& wanted) {
    std::size_t best = wanted.size();
    for (const std::string& key : {normalised(device.id), normalised(device.name)}) {
        if (!wanted.empty() &&
            (key.find(wanted) != std::string::npos || wanted.find(key) != std::string::npos)) {
            return 0;
        }
        best = std::min(best, editDistance(key, wanted));
    }
    return best;
}

}  // namespace

std::int64_t Device::romLimitBytes() const noexcept {
    return limit(rom, reservedRomBytes);
}
std::int64_t Device::ramLimitBytes() const noexcept {
    return limit(ram, reservedRamBytes);
}

DeviceCatalogue DeviceCatalogue::load(const std::string& builtinFolder, const std::string& userFolder) {
    std::map<std::string, Device> byId = loadFolder(builtinFolder, false);
    std::error_code ignored;
    if (!userFolder.empty() && fs::exists(userFolder, ignored)) {
        for (auto& [id, device] : loadFolder(userFolder, true)) {
            byId[id] = std::move(device);
        }
    }
    DeviceCatalogue catalogue;
    std::map<std::string, std::string> idOfName;
    for (auto& [id, device] : byId) {
        const auto [other, isNew] = idOfName.emplace(normalised(device.name), device.id);
        if (!isNew) {
            throw Error(ErrorCode::DataFormat,
                        "device files " + other->second + ".json and " + device.id +
                            ".json: both are named '" + device.name +
                            "'; give one another name, or the same file name to replace the other");
        }
        catalogue.m_devices.push_back(std::move(device));
    }
    std::sort(catalogue.m_devices.begin(), catalogue.m_devices.end(),
              [](const Device& a, const Device& b) { return normalised(a.name) < normalised(b.name); });
    return catalogue;
}

const Device& DeviceCatalogue::find(const std::string& idOrName) const {
    const std::string wanted = normalised(idOrName);
    for (const Device& device : m_devices) {
        if (normalised(device.id) == wanted || normalised(device.name) == wanted) {
            return device;
        }
    }
    std::vector<std::pair<std::size_t, std::string>> near;
    for (const Device& device : m_devices) {
        near.emplace_back(distance(device, wanted), device.id);
    }
    std::sort(near.begin(), near.end());
    constexpr std::size_t kShown = 5;
    std::string list;
    for (std::size_t i = 0; i < std::min(kShown, near.size()); ++i) {
        list += (list.empty() ? "" : ", ") + near[i].second;
    }
    throw Error(ErrorCode::InvalidConfig,
                "unknown device '" + idOrName + "'; " +
                    (list.empty() ? std::string("the catalogue is empty")
                                  : "nearest of " + std::to_string(near.size()) + " known: " + list));
}

}  // namespace bitlathe::core
