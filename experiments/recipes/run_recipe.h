#pragma once

#include "core/deploy/deployment_report.h"
#include "core/device/budget.h"
#include "core/device/device.h"
#include "core/engine/engine.h"
#include "core/run/run_context.h"
#include "experiments/recipes/recipe.h"
#include "experiments/records/run_record.h"
#include "experiments/store/experiment_log.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::experiments {

/// What one variant came to; also what tables print.
struct VariantResult {
    RunId run;
    std::string name;
    core::EvaluationResult evaluation;
    core::EvaluationResult floatEvaluation;  ///< of the float model; only beside `integer`
    std::optional<core::DeploymentReport>
        integer;  ///< where the recipe asks for it and something is quantized
    core::Budget budget;
    double meanWeightBits = 0;      ///< weighted by parameters
    double meanActivationBits = 0;  ///< weighted by elements
    std::string verdict;            ///< against the recipe's device; empty without one
    bool fits = true;
    std::vector<Artefact> artefacts;
};

struct RecipeResult {
    std::string groupId;
    std::vector<VariantResult> variants;
};

/// Told as things happen, on the working thread.
struct RecipeObserver {
    std::function<void(const VariantResult&)> onVariant;
    std::function<void(const core::StepReport&)> onStep;
    std::function<void(const core::EpochReport&)> onEpoch;
    std::function<void(std::int64_t done, std::int64_t totalSteps)> onResume;  ///< as core::TrainObserver's
};

/// How this execution differs from any other of the same recipe; its numbers do not.
struct Execution {
    std::optional<RunId> resumedRun;  ///< whose training goes on
    std::string resumeFolder;         ///< where its newest checkpoint is; empty: nothing is resumed
    core::WorkerGroup workers;
};

/// Executes a recipe: the only place that does, for the window, the command line and tests alike. Each
/// variant's row is written as running before its work and closed after, whatever happens. Same seed, threads
/// and recipe: same numbers and bytes. Throws core::Error or core::Cancelled after closing the rows.
RecipeResult runRecipe(const Recipe& recipe, core::Engine& engine, ExperimentLog& log,
                       const core::DeviceCatalogue& devices, const core::RunContext& context,
                       const RecipeObserver& observer = {}, const Execution& execution = {});

}  // namespace bitlathe::experiments
