#pragma once

#include "experiments/records/run_record.h"
#include "plots/training_curve_plot.h"

#include <vector>

namespace bitlathe::ui {

/// The training curve of a logged run: its loss while learning and its accuracy on test data, by epoch. Empty for a
/// run that trained nothing.
std::vector<plots::TrainingPoint> trainingPoints(const std::vector<experiments::MetricStep>& steps);

}  // namespace bitlathe::ui
