#include "experiments/store/migrations.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Transaction.h>

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
    for (const Migration& migration : migrations) {
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        if (schemaVersion(database) >= migration.version) {
            continue;
        }
        database.exec(migration.sql);
        database.exec("PRAGMA user_version = " + std::to_string(migration.version));
        transaction.commit();
    }
}

std::string backUp(SQLite::Database& database, const std::string& path) {
    const std::string target = freeBackupPath(path, schemaVersion(database));
    const std::string partial = target + ".partial";
    std::filesystem::remove(partial);  // of an attempt that died
    {
        SQLite::Database copy(partial, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        SQLite::Backup backup(copy, database);
        backup.executeStep(-1);
    }
    std::filesystem::rename(partial, target);
    return target;
}

}  // namespace bitlathe::experiments
