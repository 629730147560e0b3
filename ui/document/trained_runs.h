#pragma once

#include <string>

#include "core/graph/layer.h"
#include "experiments/store/experiment_log.h"

#include <QString>

#include <vector>

namespace bitlathe::ui {

/// A run of the log that kept a trained model.
struct TrainedRun {
    std::int64_t id = 0;
    QString title;  ///< "12 · LSQ W4A4 · 90.55 %"
};

/// Whether a run kept a trained model. Errors  LogError.
bool hasTrainedModel(const experiments::ExperimentLog& log, experiments::RunId run);

/// Succeeded runs whose trained model has the layers of `model`, newest first, from the newest few hundred of the
/// log. Errors  LogError.
std::vector<TrainedRun> trainedRuns(const experiments::ExperimentLog& log, const core::PreparedModel& model);

}  // namespace bitlathe::ui
