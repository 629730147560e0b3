#pragma once

#include "experiments/store/migrations.h"

#include <SQLiteCpp/Database.h>

#include <memory>
#include <string>
#include <vector>

namespace bitlathe::experiments {

/// What `PRAGMA application_id` of a log says: "BtLt". Tells a log from any other program's database.
inline constexpr int kLogApplicationId = 0x42744C74;

struct LogDatabaseOptions {
    int busyTimeoutMs = 5000;
    const std::vector<Migration>* migrations = &builtinMigrations();
};

/// Opens or creates the file: checks that it is a log of a known schema, backs an older one up, migrates,
/// switches WAL, foreign keys and the busy timeout on. Missing parent folders are made. Errors  LogError: see
/// ExperimentLog::open.
std::unique_ptr<SQLite::Database> openLogDatabase(const std::string& path,
                                                  const LogDatabaseOptions& options = {});

}  // namespace bitlathe::experiments
