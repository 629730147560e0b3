#include "experiments/store/log_database.h"

#include "experiments/store/log_error.h"

#include <SQLiteCpp/Transaction.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

namespace bitlathe::experiments {

namespace {

void makeFolder(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
        std::filesystem::create_directories(folder, error);
        if (error) {
            throw logError("cannot make the folder '" + folder.string() + "' for the experiment log: " +
                           error.message() + "; choose another place for the log");
        }
    }
}

/// SQLite would only notice at the first read, and would take an empty or a short text file for a new
/// database.
void refuseForeignFile(const std::string& path) {
    static constexpr std::string_view kMagic{"SQLite format 3\0", 16};
    if (std::filesystem::is_directory(path)) {
        throw logError("experiment log '" + path + "' is a folder; name a file in it");
    }
    std::ifstream file(path, std::ios::binary);
    std::array<char, 16> head{};
    file.read(head.data(), head.size());
    const std::string_view read(head.data(), static_cast<std::size_t>(file.gcount()));
    if (!read.empty() && read != kMagic) {
        throw logError("'" + path + "' is not an experiment log (no SQLite database); choose another file");
    }
}

struct Identity {
    int version;
    int applicationId;
    bool isEmpty;
};

/// All of it from one state of the file: another connection that is just making the log would otherwise show
/// its tables beside the application id from before it began.
Identity readIdentity(SQLite::Database& database) {
    const SQLite::Transaction snapshot(database);
    const bool isEmpty = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
    return {schemaVersion(database), database.execAndGet("PRAGMA application_id").getInt(), isEmpty};
}

/// Decides before the first write whether the file is ours. Returns its schema version.
int checkSchema(SQLite::Database& database, const std::string& path, int newest) {
    const auto [version, applicationId, isEmpty] = readIdentity(database);
    if (!isEmpty && applicationId != kLogApplicationId) {
        throw logError("'" + path +
                       "' is an SQLite database of another program, not an experiment log; choose "
                       "another file");
    }
    if (version > newest) {
        throw logError("experiment log '" + path + "' has schema version " + std::to_string(version) +
                       ", this Bitlathe knows versions up to " + std::to_string(newest) +
                       "; update Bitlathe or choose another file");
    }
    if (sqlite3_db_readonly(database.getHandle(), "main") == 1) {
        throw logError("experiment log '" + path +
                       "' cannot be written; check the permissions of the file and of "
                       "its folder, or choose another file");
    }
    return version;
}

/// SQLite takes the exclusive lock of this switch without calling its busy handler, so the waiting for other
/// connections that are just opening is ours.
std::string switchToWriteAheadLog(SQLite::Database& database, int busyTimeoutMs) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(busyTimeoutMs);
    while (true) {
        try {
            return database.execAndGet("PRAGMA journal_mode = WAL").getString();
        } catch (const SQLite::Exception& exception) {
            if (exception.getErrorCode() != SQLITE_BUSY || std::chrono::steady_clock::now() >= deadline) {
                throw;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void useWriteAheadLog(SQLite::Database& database, const std::string& path, int busyTimeoutMs) {
    if (switchToWriteAheadLog(database, busyTimeoutMs) != "wal") {
        spdlog::warn(
            "the file system of '{}' does not support SQLite's write-ahead log; readers may have to wait "
            "for writers",
            path);
    }
    // With WAL, NORMAL loses nothing when the process dies, and at most the last transactions when the power
    // fails.
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA foreign_keys = ON");
}

void refuseDamage(SQLite::Database& database, const std::string& path) {
    const std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok") {
        throw logError("experiment log '" + path + "' is damaged (" + verdict +
                       ") and was left as it is; rescue it with: sqlite3 '" + path + "' .recover");
    }
}

/// One write transaction from the look at the version to the last step: of several processes that open the
/// same file one migrates, the others find it done.
void backUpAndMigrate(SQLite::Database& database, const std::string& path,
                      const std::vector<Migration>& migrations) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const int version = schemaVersion(database);
    const int newest = migrations.back().version;
    if (version >= newest) {
        return;
    }
    if (version > 0) {
        refuseDamage(database, path);
        const std::string copy = backUp(path, version);
        spdlog::info("experiment log: schema {} becomes {}; the file as it was is kept in '{}'", version,
                     newest, copy);
    } else {
        database.exec("PRAGMA application_id = " + std::to_string(kLogApplicationId));
    }
    migrate(database, migrations);
    transaction.commit();
}

}  // namespace

std::unique_ptr<SQLite::Database> openLogDatabase(const std::string& path,
                                                  const LogDatabaseOptions& options) {
    makeFolder(path);
    refuseForeignFile(path);
    return guarded(path, [&] {
        auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                           options.busyTimeoutMs);
        const int newest = options.migrations->back().version;
        const int version = checkSchema(*database, path, newest);
        useWriteAheadLog(*database, path, options.busyTimeoutMs);
        if (version < newest) {
            backUpAndMigrate(*database, path, *options.migrations);
        }
        return database;
    });
}

}  // namespace bitlathe::experiments
