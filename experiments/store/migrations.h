#pragma once

#include <SQLiteCpp/Database.h>

#include <string>
#include <vector>

namespace bitlathe::experiments {

/// One step of the schema: resources/sql/NNN_name.sql, embedded at build time.
struct Migration {
    int version = 0;   ///< what `PRAGMA user_version` says after it; 1, 2, ... without a gap
    std::string name;  ///< "001_runs"
    std::string sql;
};

/// In order of version.
const std::vector<Migration>& builtinMigrations();

/// `PRAGMA user_version`; 0 for a new file.
int schemaVersion(const SQLite::Database& database);

/// Runs every step newer than the database's version inside the caller's write transaction, so that other
/// connections see the file before or after all of them, never between. Throws SQLite::Exception.
void migrate(SQLite::Database& database, const std::vector<Migration>& migrations);

/// Copies the last committed state of the file to "<path>.v<version>.backup" (".2", ".3", ... when taken;
/// nothing is overwritten) and returns the copy's path. The caller holds the file's write lock: two copies at
/// once would take the same name. Throws SQLite::Exception.
std::string backUp(const std::string& path, int version);

}  // namespace bitlathe::experiments
