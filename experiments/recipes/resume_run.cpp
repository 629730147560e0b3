#include "experiments/recipes/resume_run.h"

#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>

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

/// Which run a training goes on with; empty: it began anew, or what went before was removed with its checkpoints.
std::optional<RunId> resumedBy(const ExperimentLog& log, RunId run) {
    try {
        const RunRecord record = log.run(run);
        const auto before = record.metrics.find(metric::kResumedRun);
        return before == record.metrics.end()
                   ? std::nullopt
                   : std::optional(RunId{static_cast<std::int64_t>(before->second.value)});
    } catch (const core::Error&) {
        return std::nullopt;
    }
}

/// Of the run itself; where it ended before its first checkpoint, of the one it was itself resumed from, and so on.
std::string folderToResume(const ExperimentLog& log, RunId run) {
    std::error_code ignored;
    for (std::optional<RunId> at = run; at; at = resumedBy(log, *at)) {
        const std::string folder = runFolder(log, *at);
        if (std::filesystem::exists(std::filesystem::path(folder) / core::kCheckpointFile, ignored)) {
            return folder;
        }
    }
    return runFolder(log, run);
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
    execution.resumedRun = run;
    execution.resumeFolder = folderToResume(log, run);
    return runRecipe(recipe, engine, log, devices, context, observer, execution);
}

}  // namespace bitlathe::experiments
