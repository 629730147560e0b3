#include "core/run/run_context.h"

#include "core/types/error.h"

#include <chrono>
#include <thread>
#include <utility>

namespace bitlathe::core {

namespace {

// Requests may come from a signal handler, which can only store: so waiting looks again and again.
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

void RunContext::throwIfCancelled() const {
    if (isCancelRequested()) {
        throw Cancelled();
    }
}

void RunContext::report(Progress progress) const {
    if (m_sink) {
        m_sink(progress);
    }
}

void RunContext::checkpoint(std::int64_t done, std::int64_t total, const std::string& detail) const {
    throwIfCancelled();
    if (isPauseRequested()) {
        report({m_stage, done, total, "paused; " + detail, true});
        while (isPauseRequested() && !isStopRequested()) {
            throwIfCancelled();
            std::this_thread::sleep_for(kLook);
        }
    }
    report({m_stage, done, total, detail, false});
}

void RunContext::waitFor(std::int64_t done, std::int64_t total, const std::string& reason,
                         double seconds) const {
    throwIfCancelled();
    report({m_stage, done, total, reason, true});
    const std::uint32_t before = m_requests->resumes.load(std::memory_order_relaxed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end &&
           m_requests->resumes.load(std::memory_order_relaxed) == before) {
        throwIfCancelled();
        std::this_thread::sleep_for(kLook);
    }
}

}  // namespace bitlathe::core
