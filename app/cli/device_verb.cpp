#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/text_table.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

nlohmann::json banksToJson(const std::vector<core::MemoryBank>& banks) {
    nlohmann::json json = nlohmann::json::array();
    for (const core::MemoryBank& bank : banks) {
        json.push_back({{"name", bank.name},
                        {"bytes", bank.sizeBytes},
                        {"is_usable", bank.isUsable},
                        {"note", bank.note}});
    }
    return json;
}

nlohmann::json deviceToJson(const core::Device& device) {
    return {{"id", device.id},
            {"name", device.name},
            {"vendor", device.vendor},
            {"core", device.core},
            {"clock_mhz", device.clockMhz},
            {"features", device.features},
            {"rom", banksToJson(device.rom)},
            {"ram", banksToJson(device.ram)},
            {"rom_limit_bytes", device.romLimitBytes()},
            {"ram_limit_bytes", device.ramLimitBytes()},
            {"reserved_rom_bytes", device.reservedRomBytes},
            {"reserved_ram_bytes", device.reservedRamBytes},
            {"source", device.source},
            {"source_date", device.sourceDate},
            {"note", device.note},
            {"is_user_defined", device.isUserDefined}};
}

std::string banksText(const std::string& title, const std::vector<core::MemoryBank>& banks) {
    std::string text;
    for (const core::MemoryBank& bank : banks) {
        text += title + bank.name + ", " + bytesText(static_cast<double>(bank.sizeBytes)) +
                (bank.isUsable ? "" : ", not counted") + (bank.note.empty() ? "" : " (" + bank.note + ")") +
                "\n";
    }
    return text;
}

void printDevice(const core::Device& device) {
    std::string features;
    for (const std::string& feature : device.features) {
        features += (features.empty() ? "" : ", ") + feature;
    }
    printText(device.name + " (" + device.id + "), " + device.vendor + "\n" + "core    " + device.core +
              ", " + decimals(device.clockMhz, 0) + " MHz" + (features.empty() ? "" : ", " + features) +
              "\n" + banksText("ROM     ", device.rom) + banksText("RAM     ", device.ram) + "usable  ROM " +
              std::to_string(device.romLimitBytes()) + " B, RAM " + std::to_string(device.ramLimitBytes()) +
              " B, beside " + std::to_string(device.reservedRomBytes) + " B kept for code and " +
              std::to_string(device.reservedRamBytes) + " B for stack and heap\n" + "source  " +
              device.source + ", " + device.sourceDate + "\n" +
              (device.note.empty() ? "" : "note    " + device.note + "\n"));
}

int showDevices(const CommandLine& line, const std::string& id) {
    const core::DeviceCatalogue catalogue = loadDevices();
    if (!id.empty()) {
        const core::Device& device = catalogue.find(id);
        line.isJson ? printJson(deviceToJson(device)) : printDevice(device);
        return kExitOk;
    }
    if (line.isJson) {
        nlohmann::json json = nlohmann::json::array();
        for (const core::Device& device : catalogue.devices()) {
            json.push_back(deviceToJson(device));
        }
        printJson(json);
        return kExitOk;
    }
    TextTable table({{"Id"},
                     {"Name"},
                     {"Vendor"},
                     {"Core"},
                     {"MHz", TextTable::Align::Right},
                     {"ROM", TextTable::Align::Right},
                     {"RAM", TextTable::Align::Right}});
    for (const core::Device& device : catalogue.devices()) {
        table.addRow({device.id, device.name, device.vendor, device.core, decimals(device.clockMhz, 0),
                      bytesText(static_cast<double>(device.romLimitBytes())),
                      bytesText(static_cast<double>(device.ramLimitBytes()))});
    }
    printText(table.text());
    return kExitOk;
}

}  // namespace

void addDevicesVerb(CLI::App& app, CommandLine& line) {
    auto id = std::make_shared<std::string>();
    CLI::App* verb = app.add_subcommand("devices", "Devices of the catalogue and their memory");
    verb->add_option("ID", *id, "one device, by id or name");
    addJsonOption(*verb, line);
    verb->callback([&line, id] { line.action = [&line, id] { return showDevices(line, *id); }; });
}

}  // namespace bitlathe::cli
