#pragma once

#include "core/engine/engine.h"
#include "core/plan/learned_plan.h"
#include "experiments/recipes/recipe.h"
#include "experiments/store/experiment_log.h"

#include <functional>
#include <optional>
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

/// What a run of the log trained.
struct RunModel {
    core::Graph graph;
    std::string path;
    std::optional<core::LearnedPlan> learned;  ///< its grids; empty when the run kept none
};

/// Errors  LogError: no such run; Io naming run and file: it kept no model, or the file is gone.
RunModel loadRunModel(const ExperimentLog& log, RunId run, core::Engine& engine);

/// A model as a command line names it: a file, or "zoo:NAME", or with parameters "zoo:mobilenet_v1,width=1,size=224".
/// Errors  InvalidConfig: a parameter without a number. Names are checked when the network is built.
ModelSource modelSourceFromText(const std::string& text, const core::Shape& inputShape);

}  // namespace bitlathe::experiments
