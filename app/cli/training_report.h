#pragma once

#include "app/cli/engine_session.h"
#include "experiments/recipes/run_recipe.h"

namespace bitlathe::cli {

/// One line on stderr for each epoch of a training. The session must outlive the observer.
experiments::RecipeObserver trainingReport(EngineSession& session);

}  // namespace bitlathe::cli
