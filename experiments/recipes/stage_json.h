#pragma once

#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"

namespace bitlathe::experiments {

/// One entry of "stages"; its "stage" says which. Errors  RecipeError with JSON path.
Stage readStage(const JsonReader& reader);
nlohmann::json stageToJson(const Stage& stage);

}  // namespace bitlathe::experiments
