#pragma once

#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"

namespace bitlathe::experiments {

/// Checks a configuration document as far as it can be without a model: keys, methods, values. Errors
/// RecipeError.
void checkConfigDocument(const JsonReader& reader);

/// buildConfig with the document's place in its recipe ("variants[2].config") for error texts.
core::QuantConfig buildConfig(const JsonReader& reader, const core::PreparedModel& model);

}  // namespace bitlathe::experiments
