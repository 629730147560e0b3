#include "ui/document/project_file.h"

#include "core/types/error.h"

#include <QByteArray>
#include <QFile>
#include <QSaveFile>
#include <QString>

#include <filesystem>

namespace bitlathe::ui {

namespace {

constexpr const char* kVersionKey = "bitlathe_project";

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    throw core::Error(core::ErrorCode::RecipeError, "'" + path + "': " + what);
}

/// The value at `key`, or its fallback; refuses a value of another type.
template <typename Value>
Value valueOf(const nlohmann::json& object, const char* key, const std::string& where,
              const std::string& path, const Value& fallback) {
    const auto found = object.find(key);
    if (found == object.end()) {
        return fallback;
    }
    try {
        return found->get<Value>();
    } catch (const nlohmann::json::exception&) {
        refuse(path, where + key + " has the wrong type: " + found->dump());
    }
}

bool isBelow(const std::filesystem::path& file, const std::filesystem::path& folder) {
    const std::filesystem::path relative = file.lexically_relative(folder);
    return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Project Project::load(const std::string& path) {
    QFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::ReadOnly)) {
        throw core::Error(core::ErrorCode::Io,
                          "'" + path + "' cannot be read: " + file.errorString().toStdString());
    }
    const QByteArray text = file.readAll();
    nlohmann::json document;
    try {
        document = nlohmann::json::parse(text.begin(), text.end());
    } catch (const nlohmann::json::exception& error) {
        refuse(path, std::string("no JSON: ") + error.what());
    }
    if (!document.is_object() || !document.contains(kVersionKey)) {
        refuse(path, std::string("no Bitlathe project: it lacks '") + kVersionKey + "'");
    }
    const int version = valueOf<int>(document, kVersionKey, "", path, 0);
    if (version > kSchemaVersion) {
        refuse(path, "project version " + std::to_string(version) + " is newer than this Bitlathe reads (" +
                         std::to_string(kSchemaVersion) + "); open it with a newer Bitlathe");
    }
    if (version < 1 || !document.contains("recipe")) {
        refuse(path, "no recipe in it; the file is damaged");
    }
    Project project;
    try {
        project.recipe = experiments::Recipe::parse(document["recipe"]);
    } catch (const core::Error& error) {
        refuse(path, std::string("recipe: ") + error.what());
    }
    project.recipe.folder = std::filesystem::absolute(path).parent_path().string();
    project.activeConfiguration = valueOf<std::string>(document, "active_configuration", "", path, {});
    const nlohmann::json selection = document.value("selection", nlohmann::json::object());
    if (!selection.is_object()) {
        refuse(path, "selection has the wrong type: " + selection.dump());
    }
    for (const std::string& layer :
         valueOf<std::vector<std::string>>(selection, "layers", "selection.", path, {})) {
        project.selectedLayers.emplace_back(layer);
    }
    if (document.contains("device_reserve")) {
        const nlohmann::json& reserve = document["device_reserve"];
        if (!reserve.is_object()) {
            refuse(path, "device_reserve has the wrong type: " + reserve.dump());
        }
        const auto bytes = [&](const char* key) {
            const auto value = valueOf<std::int64_t>(reserve, key, "device_reserve.", path, 0);
            if (value < 0) {
                refuse(path, std::string("device_reserve.") + key + " is below 0: " + std::to_string(value));
            }
            return value;
        };
        project.reserve = DeviceReserve{bytes("rom_bytes"), bytes("ram_bytes")};
    }
    const auto site = valueOf<std::string>(selection, "site", "selection.", path, "output");
    if (site != "weight" && site != "output") {
        refuse(path, "selection.site is '" + site + "'; known: weight, output");
    }
    project.site = site == "weight" ? core::SiteKind::Weight : core::SiteKind::Output;
    return project;
}

void Project::save(const std::string& path) const {
    experiments::Recipe stored = recipe;
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    if (const std::filesystem::path model(recipe.model.file); model.is_absolute() && isBelow(model, folder)) {
        stored.model.file = model.lexically_relative(folder).string();
    }
    nlohmann::json layers = nlohmann::json::array();
    for (const core::LayerId& layer : selectedLayers) {
        layers.push_back(layer.str());
    }
    nlohmann::json document = {
        {kVersionKey, kSchemaVersion},
        {"recipe", stored.toJson()},
        {"active_configuration", activeConfiguration},
        {"selection", {{"layers", layers}, {"site", site == core::SiteKind::Weight ? "weight" : "output"}}},
    };
    if (reserve) {
        document["device_reserve"] = {{"rom_bytes", reserve->romBytes}, {"ram_bytes", reserve->ramBytes}};
    }
    const QByteArray text = QByteArray::fromStdString(document.dump(2)) + '\n';
    QSaveFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size() || !file.commit()) {
        throw core::Error(core::ErrorCode::Io,
                          "'" + path + "' cannot be written: " + file.errorString().toStdString() +
                              "; choose another folder or free some space");
    }
}

}  // namespace bitlathe::ui
