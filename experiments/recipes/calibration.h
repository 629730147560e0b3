#pragma once

#include "core/engine/engine.h"
#include "core/types/channel_detail.h"
#include "experiments/recipes/recipe.h"
#include "experiments/store/experiment_log.h"

#include <string>

namespace bitlathe::experiments {

/// The images a calibration looks at: `seed` chooses them when the stage takes fewer than all.
core::BatchSource calibrationBatches(const core::DataSpec& data, const CalibrateStage& stage,
                                     core::Seed seed);

/// Key of the cache: the samples and their preprocessing, and what else the last bit of a statistic depends
/// on (LibTorch's version, the processor's instructions, threads), so that a cached result equals a fresh one
/// exactly.
std::string calibrationDataHash(const core::BatchSource& data, const core::EngineInfo& engine);

struct CalibrationOutcome {
    core::Statistics statistics;
    bool isFromCache = false;
};

/// Statistics of every site from the log's cache, or collected and stored there. What was collected with the
/// channels' histograms serves those who ask for the extrema alone.
CalibrationOutcome findOrCalibrate(const core::PreparedModel& model, const core::BatchSource& data,
                                   core::ChannelDetail detail, core::Engine& engine, ExperimentLog& log,
                                   const core::RunContext& context);

}  // namespace bitlathe::experiments
