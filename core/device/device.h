#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One piece of memory of a chip.
struct MemoryBank {
    std::string name;  ///< "SRAM1", "DTCM", "flash"
    std::int64_t sizeBytes = 0;
    bool isUsable = true;     ///< counted into what a model may use
    bool isExternal = false;  ///< outside the chip: a flash beside it
    std::string note;         ///< "slow", "NPU side", ...
    std::string source;       ///< where this figure comes from when not from Device::source
    std::string sourceDate;   ///< of that source's reading; empty: Device::sourceDate
};

/// A microcontroller (or any target with a memory limit). Data, not code: resources/devices/*.json and the
/// user's own folder.
struct Device {
    std::string id;    ///< "stm32f411re", unique, file name without .json
    std::string name;  ///< "STM32F411RE"
    std::string vendor;
    std::string board;  ///< a board that carries it; may be empty
    std::string core;   ///< "Cortex-M4F"
    double clockMhz = 0;
    std::vector<std::string> features;  ///< "DSP", "MVE", "NPU", "FPU"
    std::vector<MemoryBank> rom;
    std::vector<MemoryBank> ram;
    std::int64_t reservedRomBytes = 0;  ///< code, bootloader
    std::int64_t reservedRamBytes = 0;  ///< stack, heap, radio
    std::string source;                 ///< where the figures come from
    std::string sourceDate;             ///< ISO date of that source's reading
    std::string clockSource;            ///< where the clock comes from when not from `source`
    std::string note;
    bool isUserDefined = false;

    std::int64_t romLimitBytes() const noexcept;  ///< usable banks less the reserve, at least 0
    std::int64_t ramLimitBytes() const noexcept;
};

/// Devices by id: the built-in folder first, then the user's, whose entries replace same ids.
class DeviceCatalogue {
public:
    /// Reads every *.json (schema: resources/devices/README.md). A user folder that does not exist is an
    /// empty one. Errors  DataFormat naming the file and the JSON path of a bad value: not JSON, a missing or
    /// unknown key, a wrong
    ///         type, a size below zero, no RAM or no ROM at all, an id or a name that is there twice.
    ///         Io: the built-in folder or a file cannot be read.
    static DeviceCatalogue load(const std::string& builtinFolder, const std::string& userFolder = {});

    const std::vector<Device>& devices() const noexcept { return m_devices; }  ///< by name
    /// By id or name; case and punctuation do not matter.
    /// Errors  InvalidConfig: unknown id or name; lists near ones.
    const Device& find(const std::string& idOrName) const;

private:
    std::vector<Device> m_devices;
};

/// One device file's text. `file` is named in messages; the id is the file name without ".json".
/// Errors  DataFormat, as DeviceCatalogue::load.
Device parseDevice(const std::string& text, const std::string& file);

}  // namespace bitlathe::core
