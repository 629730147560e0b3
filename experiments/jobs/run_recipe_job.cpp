#include "experiments/jobs/run_recipe_job.h"

#include "experiments/recipes/run_recipe.h"

namespace bitlathe::experiments {

JobProduct RunRecipeJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    const std::unique_ptr<ExperimentLog> log = ExperimentLog::open(m_target.logPath);
    RecipeObserver observer;
    observer.onVariant = [&](const VariantResult& result) {
        scope.publish(std::make_shared<const VariantResult>(result));
    };
    observer.onEpoch = [&](const core::EpochReport& report) {
        scope.publish(std::make_shared<const core::EpochReport>(report));
    };
    return std::make_shared<const RecipeResult>(
        runRecipe(m_recipe, engine, *log, *m_target.devices, scope.context(), observer));
}

}  // namespace bitlathe::experiments
