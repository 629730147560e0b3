#pragma once

#include "core/device/device.h"
#include "experiments/jobs/job.h"
#include "experiments/recipes/recipe.h"

#include <memory>
#include <string>

namespace bitlathe::experiments {

/// What every job that writes to the log needs of the outside.
struct LogTarget {
    std::string logPath;
    std::shared_ptr<const core::DeviceCatalogue> devices;
};

/// Executes a recipe. Publishes each variant's result and each training epoch as they come; returns the
/// RecipeResult.
class RunRecipeJob final : public Job {
public:
    RunRecipeJob(Recipe recipe, LogTarget target)
        : m_recipe(std::move(recipe)), m_target(std::move(target)) {}

    std::string_view kind() const override { return "run_recipe"; }
    std::string name() const override { return m_recipe.name; }
    std::int64_t plannedEpochs() const override;
    JobProduct run(JobScope& scope) override;

private:
    Recipe m_recipe;
    LogTarget m_target;
};

}  // namespace bitlathe::experiments
