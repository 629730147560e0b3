#pragma once

#include "core/device/device.h"
#include "experiments/jobs/job.h"
#include "experiments/recipes/run_recipe.h"

#include <memory>
#include <string>

namespace bitlathe::experiments {

/// What every job that writes to the log needs of the outside.
struct LogTarget {
    std::string logPath;
    std::shared_ptr<const core::DeviceCatalogue> devices;
};

/// Executes a recipe, or goes on with a training that ended before its time. Publishes each variant's result and each training epoch as they come; returns the
/// RecipeResult.
class RunRecipeJob final : public Job {
public:
    struct Options {
        RunId
            resumed;  ///< the run whose training goes on; `recipe` is recipeToResume() of it. None: a new one
        int workers = 1;            ///< processes that share a training
        std::string workerProgram;  ///< bitlathe-cli, for more than one
    };

    RunRecipeJob(Recipe recipe, LogTarget target) : RunRecipeJob(std::move(recipe), std::move(target), {}) {}
    RunRecipeJob(Recipe recipe, LogTarget target, Options options)
        : m_recipe(std::move(recipe)), m_target(std::move(target)), m_options(std::move(options)) {}

    std::string_view kind() const override { return "run_recipe"; }
    /// The recipe's; of a training of one configuration that one's: "QAT LSQ W4A4".
    std::string name() const override;
    std::int64_t plannedEpochs() const override;
    JobProduct run(JobScope& scope) override;

private:
    RecipeResult execute(JobScope& scope, ExperimentLog& log, const RecipeObserver& observer) const;

    Recipe m_recipe;
    LogTarget m_target;
    Options m_options;
};

}  // namespace bitlathe::experiments
