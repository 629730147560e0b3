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

/// Brings the database to the newest version, one transaction each; a failing one leaves the version before
/// it. Another process may migrate the same file meanwhile: each step looks again at the version under its
/// write lock. Throws SQLite::Exception.
void migrate(SQLite::Database& database, const std::vector<Migration>& migrations);

/// Copies a consistent snapshot of the open database to "<path>.v<version>.backup" (".2", ".3", ... when
/// taken; nothing is overwritten) and returns the copy's path. Throws SQLite::Exception.
std::string backUp(SQLite::Database& database, const std::string& path);

}  // namespace bitlathe::experiments
