#pragma once

#include "core/engine/engine.h"
#include "experiments/recipes/recipe.h"
#include "experiments/records/run_record.h"
#include "experiments/store/experiment_log.h"

#include <string>
#include <vector>

namespace bitlathe::experiments {

struct ExportedVariant {
    std::string name;
    std::vector<Artefact> artefacts;
};

/// Writes variants of a recipe without evaluating them: loads the model, calibrates (or takes it from the
/// log's cache), resolves each configuration, exports. Makes no row in the log. target  format, folder (a
/// folder per variant inside when `variant` is empty) and which variant Errors  RecipeError: the recipe
/// trains (run it first), has no such variant; as exportPlan.
std::vector<ExportedVariant> exportRecipe(const Recipe& recipe, const ExportStage& target,
                                          core::Engine& engine, ExperimentLog& log,
                                          const core::RunContext& context);

}  // namespace bitlathe::experiments
