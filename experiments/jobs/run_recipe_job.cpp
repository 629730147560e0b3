#include "experiments/jobs/run_recipe_job.h"

#include "experiments/recipes/run_recipe.h"

namespace bitlathe::experiments {

std::int64_t RunRecipeJob::plannedEpochs() const {
    for (const Stage& stage : m_recipe.stages) {
        if (const auto* const train = std::get_if<TrainStage>(&stage)) {
            return train->options.epochs;
        }
    }
    return 0;
}

JobProduct RunRecipeJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    const std::unique_ptr<ExperimentLog> log = ExperimentLog::open(m_target.logPath);
    RecipeObserver observer;
    observer.onVariant = [&](const VariantResult& result) {
        scope.publish(std::make_shared<const VariantResult>(result));
    };
    observer.onStep = [&](const core::StepReport& report) {
        scope.publish(std::make_shared<const core::StepReport>(report));
    };
    observer.onEpoch = [&](const core::EpochReport& report) {
        scope.publish(std::make_shared<const core::EpochReport>(report));
    };
    return std::make_shared<const RecipeResult>(
        runRecipe(m_recipe, engine, *log, *m_target.devices, scope.context(), observer));
}

}  // namespace bitlathe::experiments
