#include "experiments/store/migrations.h"

#include <SQLiteCpp/Backup.h>

#include <filesystem>

namespace bitlathe::experiments {

namespace {

std::string freeBackupPath(const std::string& path, int version) {
    const std::string stem = path + ".v" + std::to_string(version) + ".backup";
    std::string candidate = stem;
    for (int number = 2; std::filesystem::exists(candidate); ++number) {
        candidate = stem + "." + std::to_string(number);
    }
    return candidate;
}

}  // namespace

int schemaVersion(const SQLite::Database& database) {
    // execAndGet is not const in SQLiteCpp, although reading a pragma changes nothing.
    return const_cast<SQLite::Database&>(database).execAndGet("PRAGMA user_version").getInt();
}

void migrate(SQLite::Database& database, const std::vector<Migration>& migrations) {
    const int version = schemaVersion(database);
    for (const Migration& migration : migrations) {
        if (migration.version > version) {
            database.exec(migration.sql);
            database.exec("PRAGMA user_version = " + std::to_string(migration.version));
        }
    }
}

std::string backUp(const std::string& path, int version) {
    const std::string target = freeBackupPath(path, version);
    const std::string partial = target + ".partial";
    std::filesystem::remove(partial);  // of an attempt that died
    {
        SQLite::Database source(path, SQLite::OPEN_READONLY);
        SQLite::Database copy(partial, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        SQLite::Backup backup(copy, source);
        backup.executeStep(-1);
    }
    std::filesystem::rename(partial, target);
    return target;
}

}  // namespace bitlathe::experiments
