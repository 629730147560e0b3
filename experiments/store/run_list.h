#pragma once

#include "experiments/store/experiment_log.h"
#include "experiments/store/words.h"

#include <SQLiteCpp/Database.h>

#include <vector>

namespace bitlathe::experiments {

/// Rows of a query with their metrics, without documents and environment. Throws SQLite::Exception.
std::vector<RunRecord> listRuns(SQLite::Database& database, const RunQuery& query, WordReader& words);
std::int64_t countRuns(SQLite::Database& database, const RunQuery& query);

/// Columns of `runs` that readRunRow expects, in its order.
extern const char* const kRunColumns;
RunRecord readRunRow(SQLite::Statement& statement);

/// Adds its metrics to one run.
void readMetrics(SQLite::Database& database, RunRecord& run, WordReader& words);

}  // namespace bitlathe::experiments
