#pragma once

#include "experiments/recipes/run_recipe.h"

namespace bitlathe::experiments {

/// Whether a training ended before its time and left a checkpoint folder to go on from.
bool isResumable(const ExperimentLog& log, const RunRecord& run);

/// The recipe of a run whose training can go on.
/// Errors  LogError: no such run. InvalidConfig: it is running, or ended well, or trained nothing.
Recipe recipeToResume(const ExperimentLog& log, RunId run);

/// Goes on with the training of `run` from its newest checkpoint, as a new run whose metric `resumed_run` names it; from
/// that of the run it was itself resumed from, or else from the beginning, where it ended before its first one. The
/// numbers come out as those of a training that was never interrupted.
/// Errors  as recipeToResume and runRecipe.
RecipeResult resumeRun(RunId run, core::Engine& engine, ExperimentLog& log,
                       const core::DeviceCatalogue& devices, const core::RunContext& context,
                       const RecipeObserver& observer = {});

}  // namespace bitlathe::experiments
