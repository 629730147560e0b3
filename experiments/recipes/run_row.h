#pragma once

#include "core/types/error.h"
#include "experiments/store/experiment_log.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <string>

namespace bitlathe::experiments {

/// Closes a row during an exception, whose story must not be replaced by that of a log that cannot be
/// written.
inline void closeAfterFailure(ExperimentLog& log, RunId run, RunStatus status,
                              const std::string& error) noexcept {
    try {
        log.finishRun(run, status, error);
    } catch (const std::exception& second) {
        spdlog::error("run {} could not be closed in the log: {}", run.value, second.what());
    }
}

/// Does `work(id)` inside a row of the log: written as running before, closed after as succeeded, cancelled
/// or failed, whatever happens. What `work` throws goes on.
template <typename Work>
auto insideRunRow(ExperimentLog& log, const NewRun& what, Work&& work) {
    const RunId run = log.beginRun(what);
    try {
        auto result = work(run);
        log.finishRun(run, RunStatus::Succeeded);
        return result;
    } catch (const core::Cancelled&) {
        closeAfterFailure(log, run, RunStatus::Cancelled, {});
        throw;
    } catch (const std::exception& error) {
        closeAfterFailure(log, run, RunStatus::Failed, error.what());
        throw;
    }
}

}  // namespace bitlathe::experiments
