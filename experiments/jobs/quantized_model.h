#pragma once

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
};

/// What runs: batch norm as the configuration wants it, ranges resolved, post-training methods applied. The engine is
/// opened, and images are read, only where a method or a kept batch norm needs them.
/// Errors  as core::applyPostTraining; EngineUnavailable.
core::QuantizedModel quantizedModel(const ConfiguredModel& input, JobScope& scope);

}  // namespace bitlathe::experiments
