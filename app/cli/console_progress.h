#pragma once

#include "core/run/run_context.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace bitlathe::cli {

/// Progress on stderr. On a terminal one line that is rewritten: stage, done of total, time left. Elsewhere
/// (a log file) one line when a stage begins, and one every ten seconds.
class ConsoleProgress {
public:
    ConsoleProgress();
    ~ConsoleProgress();
    void show(const core::Progress& progress);
    /// Removes the line, so that other output does not stick to it.
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    std::string describe(const core::Progress& progress, Clock::time_point now) const;

    bool m_isTerminal;
    std::string m_stage;
    Clock::time_point m_stageStart;
    std::int64_t m_doneAtStart = 0;
    Clock::time_point m_lastShown;
};

}  // namespace bitlathe::cli
