#pragma once

#include "core/plan/learned_plan.h"
#include "core/ptq/post_training.h"
#include "experiments/jobs/job.h"
#include "experiments/recipes/recipe.h"

#include <memory>

namespace bitlathe::experiments {

/// A configuration of an open model with what its ranges and post-training methods work on.
struct ConfiguredModel {
    std::shared_ptr<const core::PreparedModel> model;    ///< as opened
    std::shared_ptr<const core::Statistics> statistics;  ///< of `model`
    core::QuantConfig config;
    core::DataSpec data;
    CalibrateStage calibration;  ///< which of the images
    core::Seed seed;
    int threads = 1;
    std::shared_ptr<const core::LearnedPlan> learned;  ///< grids of a trained model; null: none
};

/// What runs: batch norm as the configuration wants it, ranges resolved, post-training methods applied. The engine is
/// opened, and images are read, only where a method or a kept batch norm needs them.
/// Errors  as core::applyPostTraining; EngineUnavailable.
core::QuantizedModel quantizedModel(const ConfiguredModel& input, JobScope& scope);

/// The images a stage measures on, opened under a progress report of their own.
core::BatchSource openBatches(const ConfiguredModel& input, const EvaluateStage& stage, JobScope& scope);

}  // namespace bitlathe::experiments
