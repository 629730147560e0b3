#include "core/device/device.h"
#include "core/device/memory_limit.h"
#include "core/types/error.h"
#include "core/util/strict_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace bitlathe::core {

namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;

/// One object of a device file with the path that leads to it, so that every message can say where.
class Section {
public:
    Section(const Json& object, std::string path, const std::string& file)
        : m_object(object), m_path(std::move(path)), m_file(file) {
        if (!object.is_object()) {
            fail("", "must be an object, is " + std::string(object.type_name()));
        }
    }

    [[noreturn]] void fail(const std::string& key, const std::string& what) const {
        const std::string place = key.empty() ? (m_path.empty() ? "/" : m_path) : m_path + "/" + key;
        throw Error(ErrorCode::DataFormat, "device file " + m_file + ": " + place + " " + what);
    }

    /// Refuses keys that are none of `known`: a misspelt key would otherwise be a silent default.
    void allow(std::initializer_list<std::string_view> known) const {
        for (const auto& [key, value] : m_object.items()) {
            if (std::find(known.begin(), known.end(), key) == known.end()) {
                std::string list;
                for (const std::string_view name : known) {
                    list += (list.empty() ? "" : ", ") + std::string(name);
                }
                fail(key, "is not a key of a device file; known here: " + list);
            }
        }
    }

    const Json* find(const char* key) const {
        const auto found = m_object.find(key);
        return found == m_object.end() ? nullptr : &*found;
    }
    const Json& require(const char* key) const {
        const Json* value = find(key);
        if (value == nullptr) {
            fail(key, "is missing");
        }
        return *value;
    }

    std::string text(const char* key) const {
        const Json& value = require(key);
        if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
            fail(key, "must be a text that is not empty, is " + value.dump());
        }
        return value.get<std::string>();
    }
    std::string textOr(const char* key) const { return find(key) == nullptr ? std::string() : text(key); }

    bool flagOr(const char* key, bool fallback) const {
        const Json* value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_boolean()) {
            fail(key, "must be true or false, is " + value->dump());
        }
        return value->get<bool>();
    }

    std::int64_t bytes(const char* key) const {
        const Json& value = require(key);
        if (!value.is_number_integer()) {
            fail(key, "must be a whole number of bytes, is " + value.dump());
        }
        // Unsigned numbers above the int64 range wrap when read as signed; the limit catches them before.
        if (value.is_number_unsigned() &&
            value.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxBankBytes)) {
            fail(key, "must be at most " + std::to_string(kMaxBankBytes) + " bytes, is " + value.dump());
        }
        const auto count = value.get<std::int64_t>();
        if (count < 0) {
            fail(key, "must not be negative, is " + value.dump() + "; give the size in bytes");
        }
        return count;
    }
    std::int64_t bytesOr(const char* key) const { return find(key) == nullptr ? 0 : bytes(key); }

    const Json& array(const char* key) const {
        const Json& value = require(key);
        if (!value.is_array()) {
            fail(key, "must be a list, is " + std::string(value.type_name()));
        }
        return value;
    }

private:
    const Json& m_object;
    std::string m_path;
    const std::string& m_file;
};

std::vector<MemoryBank> parseBanks(const Section& device, const char* key, const std::string& file) {
    std::vector<MemoryBank> banks;
    const Json& list = device.array(key);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        std::string path = "/";
        path.append(key).append("/").append(std::to_string(i));
        const Section section(list[i], path, file);
        section.allow({"name", "bytes", "usable", "external", "note", "source", "source_date"});
        MemoryBank bank;
        bank.name = section.text("name");
        bank.sizeBytes = section.bytes("bytes");
        bank.isUsable = section.flagOr("usable", true);
        bank.isExternal = section.flagOr("external", false);
        bank.note = section.textOr("note");
        bank.source = section.textOr("source");
        bank.sourceDate = section.textOr("source_date");
        total += bank.isUsable ? bank.sizeBytes : 0;
        banks.push_back(std::move(bank));
    }
    if (total <= 0) {
        device.fail(
            key,
            "has no usable bytes: no model fits such a device; list at least one usable bank with its size");
    }
    return banks;
}

std::vector<std::string> parseFeatures(const Section& device) {
    std::vector<std::string> features;
    const Json& list = device.array("features");
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!list[i].is_string()) {
            device.fail("features/" + std::to_string(i), "must be a text, is " + list[i].dump());
        }
        features.push_back(list[i].get<std::string>());
    }
    return features;
}

double parseClock(const Section& device) {
    const Json& value = device.require("clock_mhz");
    if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>())) {
        device.fail("clock_mhz", "must be a number above 0 (MHz), is " + value.dump());
    }
    return value.get<double>();
}

Json parseJson(const std::string& text, const std::string& file) {
    try {
        return parseStrictJson(text);
    } catch (const Error& error) {
        throw Error(ErrorCode::DataFormat, "device file " + file + ": not valid JSON: " + error.what());
    }
}

}  // namespace

Device parseDevice(const std::string& text, const std::string& file) {
    const Json document = parseJson(text, file);
    const Section section(document, "", file);
    section.allow({"schema", "name", "vendor", "board", "core", "clock_mhz", "clock_source", "features",
                   "rom", "ram", "reserved_rom_bytes", "reserved_ram_bytes", "source", "source_date",
                   "note"});
    if (section.require("schema") != kSchema) {
        section.fail("schema", "must be " + std::to_string(kSchema) + ", is " +
                                   section.require("schema").dump() +
                                   "; a newer Bitlathe may read this file");
    }
    Device device;
    device.id = std::filesystem::path(file).stem().string();
    device.name = section.text("name");
    device.vendor = section.textOr("vendor");
    device.board = section.textOr("board");
    device.core = section.text("core");
    device.clockMhz = parseClock(section);
    device.clockSource = section.textOr("clock_source");
    device.features = parseFeatures(section);
    device.rom = parseBanks(section, "rom", file);
    device.ram = parseBanks(section, "ram", file);
    device.reservedRomBytes = section.bytesOr("reserved_rom_bytes");
    device.reservedRamBytes = section.bytesOr("reserved_ram_bytes");
    if (device.romLimitBytes() == 0) {
        section.fail("reserved_rom_bytes", "takes all the ROM there is; nothing is left for a model");
    }
    if (device.ramLimitBytes() == 0) {
        section.fail("reserved_ram_bytes", "takes all the RAM there is; nothing is left for a model");
    }
    device.source = section.text("source");
    device.sourceDate = section.text("source_date");
    device.note = section.textOr("note");
    return device;
}

}  // namespace bitlathe::core
