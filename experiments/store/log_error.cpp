#include "experiments/store/log_error.h"

#include <sqlite3.h>

namespace bitlathe::experiments {

core::Error logError(const std::string& message) {
    return {core::ErrorCode::LogError, message};
}

core::Error logError(const SQLite::Exception& exception, const std::string& path) {
    const std::string file = "experiment log '" + path + "'";
    switch (exception.getErrorCode()) {
    case SQLITE_NOTADB:
        return logError(file +
                        " is not a database; choose another file, or move this one away to start a new log");
    case SQLITE_CORRUPT:
        return logError(file + " is damaged; copy it aside, then restore a backup beside it ('" + path +
                        ".v*.backup') or rescue it with: sqlite3 '" + path + "' .recover");
    case SQLITE_CANTOPEN:
        return logError(
            file + " cannot be opened or created; check that its folder exists and that you may write there");
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return logError(file +
                        " cannot be written; check the permissions of the file and of its folder, or choose "
                        "another file");
    case SQLITE_FULL:
        return logError(file +
                        " cannot grow: no space left on its disk; free some space and repeat. What was "
                        "logged before is kept");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return logError(file +
                        " is locked by another program; close that program or wait for it, then repeat");
    case SQLITE_IOERR:
        return logError(file + " could not be read or written (" + exception.what() +
                        "); check that its disk is present and not full");
    default:
        return logError(file + ": " + exception.what());
    }
}

}  // namespace bitlathe::experiments
