#pragma once

#include "experiments/records/run_record.h"
#include "experiments/store/words.h"

#include <SQLiteCpp/Database.h>

#include <string>
#include <vector>

namespace bitlathe::experiments {

/// The whole row: documents, environment, metrics.
/// Throws SQLite::Exception, and core::Error (LogError) for a run that is not there.
RunRecord readRun(SQLite::Database& database, RunId run, WordReader& words);
std::vector<LayerStatistic> readLayerStatistics(SQLite::Database& database, RunId run, WordReader& words);
std::vector<MetricStep> readMetricSteps(SQLite::Database& database, RunId run);
std::vector<Artefact> readArtefacts(SQLite::Database& database, RunId run);
std::vector<std::string> readMetricNames(SQLite::Database& database);

}  // namespace bitlathe::experiments
