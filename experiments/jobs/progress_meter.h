#pragma once

#include "core/run/run_context.h"
#include "experiments/jobs/job_progress.h"

#include <chrono>
#include <mutex>
#include <optional>

namespace bitlathe::experiments {

/// Turns the checkpoints of a worker into progress fit to be shown: never backwards within a stage, with a
/// smoothed rate and the time left.
///
///   seconds per unit:  s += (1 - exp(-dt / tau)) (dt / units - s),   tau = 5 s;   left = s (total - done) -
///   time since
///
/// The weight depends on time, not on the number of reports, so a thousand quick batches and one slow one are
/// smoothed alike. A stage with a new name, a new total, or one that was complete and starts over is a new
/// stage. Thread-safe: the worker reports, another thread takes snapshots.
class ProgressMeter {
public:
    using Clock = std::chrono::steady_clock;

    explicit ProgressMeter(Clock::time_point start)
        : m_start(start), m_stageStart(start), m_lastReport(start) {}

    void report(const core::Progress& progress, Clock::time_point now);
    /// Memory is left for the caller to fill in.
    JobProgress snapshot(Clock::time_point now) const;

private:
    bool startsNewStage(const core::Progress& progress) const;

    mutable std::mutex m_mutex;
    Clock::time_point m_start;
    Clock::time_point m_stageStart;
    Clock::time_point m_lastReport;  ///< last report that moved forward
    core::Progress m_progress;
    std::optional<double> m_secondsPerUnit;
};

}  // namespace bitlathe::experiments
