#include "app/cli/console_progress.h"

#include <unistd.h>

#include <cstdio>

namespace bitlathe::cli {

namespace {

using namespace std::chrono_literals;

std::string clockText(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    char text[32];
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
    return text;
}

}  // namespace

ConsoleProgress::ConsoleProgress() : m_isTerminal(isatty(STDERR_FILENO) == 1) {}

ConsoleProgress::~ConsoleProgress() {
    clear();
}

void ConsoleProgress::clear() {
    if (m_isTerminal) {
        std::fputs("\r\033[K", stderr);
    }
}

std::string ConsoleProgress::describe(const core::Progress& progress, Clock::time_point now) const {
    std::string text = progress.stage;
    if (progress.isPaused) {
        return text + "  " + progress.detail;
    }
    if (progress.total > 1) {
        text += "  " + std::to_string(progress.done) + "/" + std::to_string(progress.total);
    } else if (!progress.detail.empty()) {
        text += "  " + progress.detail;
    }
    const double elapsed = std::chrono::duration<double>(now - m_stageStart).count();
    // A stage may come back half done: training after each epoch's test, or a run that is resumed.
    const auto doneHere = progress.done - m_doneAtStart;
    if (doneHere > 0 && progress.done < progress.total && elapsed > 1) {
        const auto left = static_cast<double>(progress.total - progress.done);
        text += "  " + clockText(elapsed / static_cast<double>(doneHere) * left) + " left";
    }
    return text;
}

void ConsoleProgress::show(const core::Progress& progress) {
    const auto now = Clock::now();
    const bool isNewStage = progress.stage != m_stage;
    if (isNewStage) {
        m_stage = progress.stage;
        m_stageStart = now;
        m_doneAtStart = progress.done;
    }
    // A terminal is redrawn ten times a second at most; a file gets a line now and then.
    if (!isNewStage && !progress.isPaused && now - m_lastShown < (m_isTerminal ? 100ms : 10000ms)) {
        return;
    }
    m_lastShown = now;
    std::fprintf(stderr, m_isTerminal ? "\r\033[K%s" : "%s\n", describe(progress, now).c_str());
    std::fflush(stderr);
}

}  // namespace bitlathe::cli
