#include "app/cli/engine_session.h"

#include "core/engine/engine_loader.h"
#include "core/types/error.h"
#include "experiments/resources/resource_folder.h"

#include <filesystem>

namespace bitlathe::cli {

EngineSession::EngineSession()
    : m_context([this](const core::Progress& progress) { m_progress.show(progress); }), m_cancel(m_context),
      m_engine(core::loadEngine()) {}

core::DeviceCatalogue loadDevices() {
    const std::filesystem::path resources = experiments::resourceFolder();
    if (resources.empty()) {
        throw core::Error(core::ErrorCode::Io, "Bitlathe's resource folder is not beside the program; point "
                                               "BITLATHE_RESOURCES at the folder that holds devices/");
    }
    return core::DeviceCatalogue::load((resources / "devices").string(),
                                       experiments::userDeviceFolder().string());
}

experiments::Recipe loadRecipe(const std::string& pathOrName, const std::vector<std::string>& assignments) {
    std::filesystem::path path = pathOrName;
    const std::filesystem::path bundled = experiments::resourceFolder() / "recipes" / (pathOrName + ".json");
    if (!std::filesystem::exists(path) && std::filesystem::exists(bundled)) {
        path = bundled;
    }
    if (assignments.empty()) {
        return experiments::Recipe::load(path.string());
    }
    nlohmann::json document = experiments::readJsonFile(path.string());
    try {
        for (const std::string& assignment : assignments) {
            experiments::applyOverride(document, assignment);
        }
        experiments::Recipe recipe = experiments::Recipe::parse(document);
        recipe.folder = std::filesystem::absolute(path).parent_path().string();
        return recipe;
    } catch (const core::Error& error) {
        throw core::Error(error.code(), "'" + path.string() + "' with --set: " + error.what());
    }
}

}  // namespace bitlathe::cli
