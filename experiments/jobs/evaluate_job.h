#pragma once

#include "core/types/quant_config.h"
#include "experiments/jobs/run_recipe_job.h"

#include <string>

namespace bitlathe::experiments {

/// What is on the bench: all it takes to repeat a measurement of one configuration.
struct Bench {
    ModelSource model;
    core::DataSpec data;
    std::string device;  ///< catalogue id; empty: no budget check
    core::Seed seed;
    int threads = 1;
    CalibrateStage calibration;
    EvaluateStage evaluation;
};

/// The recipe that measures `config` on `bench`: one variant of that name, calibrated and evaluated.
Recipe recipeOf(const Bench& bench, const core::QuantConfig& config, const std::string& name);

/// Measures one configuration and logs it as a run. Runs the recipe of the bench, so the window's figure is
/// the one the command line gets for the saved recipe, to the last digit; calibration comes out of the log's
/// cache when it is there.
class EvaluateJob final : public Job {
public:
    EvaluateJob(const Bench& bench, const core::QuantConfig& config, const std::string& name,
                LogTarget target)
        : m_name(name), m_recipeJob(recipeOf(bench, config, name), std::move(target)) {}

    std::string_view kind() const override { return "evaluate"; }
    std::string name() const override { return m_name; }
    JobProduct run(JobScope& scope) override { return m_recipeJob.run(scope); }

private:
    std::string m_name;
    RunRecipeJob m_recipeJob;
};

}  // namespace bitlathe::experiments
