#pragma once

#include "core/registry/registry.h"
#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"

namespace bitlathe::experiments {

/// Changes the members of `site` that `reader`'s object names; see recipe_schema.md, SITE.
/// Errors  RecipeError with JSON path.
void applySite(const JsonReader& reader, core::SiteQuant& site);

/// A method as "name" or {"name": ..., parameter: value, ...}. Switches take true/false, choices their words.
/// Errors  RecipeError: unknown method or parameter (lists the known), value outside its limits.
core::MethodSpec readMethod(const JsonReader& reader, const std::vector<core::MethodInfo>& known);
nlohmann::json methodToJson(const core::MethodSpec& method);

}  // namespace bitlathe::experiments
