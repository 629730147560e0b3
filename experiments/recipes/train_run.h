#pragma once

#include "experiments/recipes/recipe_session.h"

namespace bitlathe::experiments {

/// The train stage as a run of its own: trains `graph`, saves it where the stage says. Returns the trained
/// graph and what to report.
struct TrainedModel {
    core::Graph graph;
    VariantResult result;
};
TrainedModel runTraining(RecipeSession& session, const TrainStage& stage, const core::Graph& graph);

}  // namespace bitlathe::experiments
