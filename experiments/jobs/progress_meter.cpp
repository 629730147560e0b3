#include "experiments/jobs/progress_meter.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::experiments {

namespace {

constexpr double kSmoothingSeconds = 5.0;

double secondsBetween(ProgressMeter::Clock::time_point from, ProgressMeter::Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

std::int64_t millisecondsBetween(ProgressMeter::Clock::time_point from, ProgressMeter::Clock::time_point to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

}  // namespace

bool ProgressMeter::startsNewStage(const core::Progress& progress) const {
    const bool wasComplete = m_progress.total > 0 && m_progress.done >= m_progress.total;
    return progress.stage != m_progress.stage || progress.total != m_progress.total ||
           (wasComplete && progress.done < m_progress.done);
}

void ProgressMeter::report(const core::Progress& progress, Clock::time_point now) {
    const std::lock_guard lock(m_mutex);
    if (startsNewStage(progress)) {
        m_progress = progress;
        m_stageStart = now;
        m_lastReport = now;
        m_secondsPerUnit.reset();
        return;
    }
    if (progress.done < m_progress.done) {
        return;
    }
    if (m_progress.isPaused && !progress.isPaused) {
        m_lastReport = now;  // waiting is no work
    }
    if (const std::int64_t units = progress.done - m_progress.done; units > 0) {
        const double seconds = secondsBetween(m_lastReport, now);
        const double perUnit = seconds / static_cast<double>(units);
        const double weight = 1.0 - std::exp(-seconds / kSmoothingSeconds);
        m_secondsPerUnit =
            m_secondsPerUnit ? *m_secondsPerUnit + weight * (perUnit - *m_secondsPerUnit) : perUnit;
        m_lastReport = now;
    }
    m_progress = progress;
}

JobProgress ProgressMeter::snapshot(Clock::time_point now) const {
    const std::lock_guard lock(m_mutex);
    JobProgress shown;
    shown.stage = m_progress.stage;
    shown.done = m_progress.total > 0 ? std::min(m_progress.done, m_progress.total) : m_progress.done;
    shown.total = m_progress.total;
    shown.detail = m_progress.detail;
    shown.isPaused = m_progress.isPaused;
    shown.elapsedMs = millisecondsBetween(m_start, now);
    if (m_secondsPerUnit && *m_secondsPerUnit > 0) {
        shown.unitsPerSecond = 1.0 / *m_secondsPerUnit;
        if (shown.total > 0) {
            const double left = *m_secondsPerUnit * static_cast<double>(shown.total - shown.done) -
                                secondsBetween(m_lastReport, now);
            shown.remainingMs = static_cast<std::int64_t>(std::llround(1000.0 * std::max(0.0, left)));
        }
    }
    return shown;
}

}  // namespace bitlathe::experiments
