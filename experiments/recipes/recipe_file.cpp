#include "core/util/strict_json.h"
#include "experiments/recipes/recipe.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace bitlathe::experiments {

namespace {

core::Error ioError(const std::string& message) {
    return {core::ErrorCode::Io, message};
}

}  // namespace

nlohmann::json readJsonFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path)) {
        throw ioError("cannot read '" + path + "'; check that the file exists and that you may read it");
    }
    std::ostringstream text;
    text << file.rdbuf();
    try {
        return core::parseStrictJson(text.str());
    } catch (const core::Error& error) {
        throw core::Error(core::ErrorCode::RecipeError, "'" + path + "' is not valid JSON: " + error.what());
    }
}

Recipe Recipe::load(const std::string& path) {
    try {
        Recipe recipe = parse(readJsonFile(path));
        recipe.folder = std::filesystem::absolute(path).parent_path().string();
        return recipe;
    } catch (const core::Error& error) {
        if (error.code() != core::ErrorCode::RecipeError ||
            std::string(error.what()).starts_with("'" + path)) {
            throw;
        }
        throw core::Error(error.code(), "'" + path + "': " + error.what());
    }
}

void Recipe::save(const std::string& path) const {
    // Beside the target and then renamed: a full disk leaves the old file whole.
    const std::string partial = path + ".partial";
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    file << toJson().dump(2) << '\n';
    file.close();
    std::error_code error;
    if (file) {
        std::filesystem::rename(partial, path, error);
    }
    if (!file || error) {
        std::error_code ignored;
        std::filesystem::remove(partial, ignored);
        throw ioError("cannot write '" + path +
                      "'; check that its folder exists, that you may write there and that the "
                      "disk is not full");
    }
}

}  // namespace bitlathe::experiments
