#include "experiments/recipes/resume_run.h"

#include "core/types/error.h"
#include "experiments/store/run_folder.h"

#include <algorithm>
#include <filesystem>

namespace bitlathe::experiments {

namespace {

bool endedBeforeItsTime(RunStatus status) {
    return status == RunStatus::Interrupted || status == RunStatus::Cancelled || status == RunStatus::Failed;
}

bool trains(const Recipe& recipe) {
    return std::any_of(recipe.stages.begin(), recipe.stages.end(), [](const Stage& stage) {
        return std::holds_alternative<QatStage>(stage) || std::holds_alternative<TrainStage>(stage);
    });
}

}  // namespace

bool isResumable(const ExperimentLog& log, const RunRecord& run) {
    std::error_code ignored;
    return endedBeforeItsTime(run.status) && std::filesystem::exists(runFolder(log, run.id), ignored);
}

Recipe recipeToResume(const ExperimentLog& log, RunId run) {
    const RunRecord before = log.run(run);
    if (!endedBeforeItsTime(before.status)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "run " + std::to_string(run.value) + " is " +
                              std::string(runStatusName(before.status)) +
                              "; only one that was interrupted, cancelled or failed can be resumed");
    }
    Recipe recipe = Recipe::parse(nlohmann::json::parse(before.what.recipeJson));
    if (!trains(recipe)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "run " + std::to_string(run.value) +
                              " trained nothing, so there is nothing to resume; run its recipe anew");
    }
    return recipe;
}

RecipeResult resumeRun(RunId run, core::Engine& engine, ExperimentLog& log,
                       const core::DeviceCatalogue& devices, const core::RunContext& context,
                       const RecipeObserver& observer) {
    const Recipe recipe = recipeToResume(log, run);
    Execution execution;
    execution.resumeFolder = runFolder(log, run);
    RecipeResult result = runRecipe(recipe, engine, log, devices, context, observer, execution);
    for (const VariantResult& variant : result.variants) {
        log.addMetric(variant.run, {"resumed_run", static_cast<double>(run.value), "", 0, {}, {}});
    }
    return result;
}

}  // namespace bitlathe::experiments
