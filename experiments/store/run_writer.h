#pragma once

#include "experiments/records/run_record.h"

#include <SQLiteCpp/Database.h>

namespace bitlathe::experiments {

// Each is one transaction. Throws SQLite::Exception, and core::Error (LogError) for a run that is not there.

RunId insertRun(SQLite::Database& database, const NewRun& run);
void insertMetric(SQLite::Database& database, RunId run, const core::Metric& metric);
void insertMetricSteps(SQLite::Database& database, RunId run, const std::vector<MetricStep>& steps);
void insertLayerStatistics(SQLite::Database& database, RunId run,
                           const std::vector<LayerStatistic>& statistics);
void insertArtefact(SQLite::Database& database, RunId run, const Artefact& artefact);
/// elapsedMs  measured by the caller's steady clock; negative: unknown, the wall clock's difference is taken
void closeRun(SQLite::Database& database, RunId run, RunStatus status, const std::string& error,
              double elapsedMs);
void updateRunName(SQLite::Database& database, RunId run, const std::string& name);
void deleteRun(SQLite::Database& database, RunId run);

/// Running rows whose process is gone become Interrupted. Returns how many.
int markInterruptedRuns(SQLite::Database& database);

}  // namespace bitlathe::experiments
