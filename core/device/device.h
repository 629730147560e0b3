#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One piece of memory of a chip.
struct MemoryBank {
    std::string name;            ///< "SRAM1", "DTCM", "flash"
    std::int64_t sizeBytes = 0;
    bool isUsable = true;        ///< counted into what a model may use
    std::string note;            ///< "slow", "NPU side", ...
};

/// A microcontroller (or any target with a memory limit). Data, not code: resources/devices/*.json and the user's own folder.
struct Device {
    std::string id;              ///< "stm32f411re", unique, file name without .json
    std::string name;            ///< "STM32F411RE"
    std::string vendor;
    std::string core;            ///< "Cortex-M4F"
    double clockMhz = 0;
    std::vector<std::string> features;  ///< "DSP", "MVE", "NPU", "FPU"
    std::vector<MemoryBank> rom;
    std::vector<MemoryBank> ram;
    std::int64_t reservedRomBytes = 0;  ///< code, bootloader
    std::int64_t reservedRamBytes = 0;  ///< stack, heap, radio
    std::string source;          ///< where the figures come from
    std::string sourceDate;      ///< ISO date of that source's reading
    std::string note;
    bool isUserDefined = false;

    std::int64_t romLimitBytes() const noexcept;  ///< usable banks less the reserve, at least 0
    std::int64_t ramLimitBytes() const noexcept;
};

/// Devices by id: the built-in folder first, then the user's, whose entries replace same ids.
class DeviceCatalogue {
public:
    /// Reads every *.json. Errors  DataFormat naming the file and JSON path of a bad value.
    static DeviceCatalogue load(const std::string& builtinFolder, const std::string& userFolder = {});

    const std::vector<Device>& devices() const noexcept { return m_devices; }  ///< by name
    /// Errors  InvalidConfig: unknown id or name; lists near ones.
    const Device& find(const std::string& idOrName) const;

private:
    std::vector<Device> m_devices;
};

}  // namespace bitlathe::core
