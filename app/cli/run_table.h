#pragma once

#include "experiments/recipes/run_recipe.h"

#include <nlohmann/json.hpp>

#include <string>

namespace bitlathe::cli {

/// What a recipe came to, for people: one line a variant, then the device's verdicts and the files made.
std::string resultTable(const experiments::Recipe& recipe, const experiments::RecipeResult& result,
                        const experiments::ExperimentLog& log);
/// {"group", "log", "runs": [{... as runToJson ..., "verdict", "fits", "artefacts": [...]}]}
nlohmann::json resultToJson(const experiments::RecipeResult& result, const experiments::ExperimentLog& log);

}  // namespace bitlathe::cli
