#pragma once

#include "experiments/store/experiment_log.h"

#include <string>

namespace bitlathe::experiments {

/// Where a run keeps its files (checkpoints, trained weights, ranges): beside the log,
/// "experiments.db" -> "experiments.runs/12". The folder is made. Errors  Io: it cannot be.
std::string makeRunFolder(const ExperimentLog& log, RunId run);
/// The same without making it.
std::string runFolder(const ExperimentLog& log, RunId run);
/// Deletes that folder with all that is in it; nothing when there is none. Errors  Io: it cannot be deleted whole.
void removeRunFolder(const ExperimentLog& log, RunId run);

}  // namespace bitlathe::experiments
