#pragma once

#include "core/engine/engine.h"
#include "core/search/sensitivity.h"
#include "experiments/store/experiment_log.h"

#include <span>

namespace bitlathe::experiments {

struct SensitivityOutcome {
    core::SensitivityTable table;
    int measured = 0;   ///< answers measured now
    int fromCache = 0;  ///< answers the log knew
};

/// Answers to all probes: those the log knows for this model, these images and these very grids, the rest measured
/// now and stored. Cancelling keeps the log as it was.
SensitivityOutcome findOrMeasureSensitivity(const core::PreparedModel& model,
                                            std::span<const core::SensitivityProbe> probes,
                                            const core::BatchSource& data, core::Engine& engine,
                                            ExperimentLog& log, const core::RunContext& context);

}  // namespace bitlathe::experiments
