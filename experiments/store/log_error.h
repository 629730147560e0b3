#pragma once

#include "core/types/error.h"

#include <SQLiteCpp/Exception.h>

#include <string>

namespace bitlathe::experiments {

core::Error logError(const std::string& message);
/// SQLite's exception as a LogError that names the file and what to do.
core::Error logError(const SQLite::Exception& exception, const std::string& path);

/// Runs `work` and translates what SQLite throws.
template <typename Work>
auto guarded(const std::string& path, Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const SQLite::Exception& exception) {
        throw logError(exception, path);
    }
}

}  // namespace bitlathe::experiments
