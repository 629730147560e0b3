#pragma once

#include "core/engine/engine.h"
#include "experiments/recipes/recipe.h"

#include <functional>
#include <string>

namespace bitlathe::experiments {

/// A model as a source names it, and where it was found.
struct LoadedModel {
    core::Graph graph;
    std::string path;  ///< absolute; "zoo:NAME" for a network built in
};

/// Builds a network of the zoo, or finds the file (see findInput) and has the engine read it.
/// Errors  Io: no such file; what Engine::importTorchScript says.
LoadedModel loadModel(const ModelSource& source, const std::string& recipeFolder, core::Seed seed,
                      core::Engine& engine, const core::RunContext& context);

}  // namespace bitlathe::experiments
