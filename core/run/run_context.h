#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace bitlathe::core {

/// A snapshot of how far a piece of work is.
struct Progress {
    std::string stage;       ///< "calibrate"
    std::int64_t done = 0;   ///< units finished of this stage
    std::int64_t total = 0;  ///< units of this stage; 0 when unknown
    std::string detail;      ///< "batch 3 of 8"
    bool isPaused = false;   ///< work waits for requestResume(), or for what `detail` says
};

/// The one thing long work sees of the outside: where to report progress, whether to wait and whether to stop.
/// Copyable; copies share the requests. Requests may come from any thread; checkpoint belongs to the working
/// thread.
class RunContext {
public:
    using ProgressSink = std::function<void(const Progress&)>;

    RunContext() = default;
    explicit RunContext(ProgressSink sink) : m_sink(std::move(sink)) {}

    /// Names the stage that the following checkpoints belong to.
    void beginStage(std::string stage) { m_stage = std::move(stage); }
    /// Reports progress; while a pause is requested, reports that and waits. Call once per batch and per
    /// layer. Throws Cancelled when requestCancel() was called.
    void checkpoint(std::int64_t done, std::int64_t total, const std::string& detail = {}) const;
    /// Reports a pause the work itself needs (a full disk) and waits for requestResume(), at most so long.
    /// Throws Cancelled as checkpoint does.
    void waitFor(std::int64_t done, std::int64_t total, const std::string& reason, double seconds) const;

    // Requests are stores to lock-free atomics, so that signal handlers may make them.
    void requestCancel() noexcept { m_requests->isCancelled.store(true, std::memory_order_relaxed); }
    bool isCancelRequested() const noexcept {
        return m_requests->isCancelled.load(std::memory_order_relaxed);
    }

    /// Ends a training after its present step, keeping the best it has; other work goes on to its end.
    void requestStop() noexcept { m_requests->isStopped.store(true, std::memory_order_relaxed); }
    bool isStopRequested() const noexcept { return m_requests->isStopped.load(std::memory_order_relaxed); }

    void requestPause() noexcept { m_requests->isPaused.store(true, std::memory_order_relaxed); }
    /// Ends a pause, and a wait in waitFor().
    void requestResume() noexcept {
        m_requests->isPaused.store(false, std::memory_order_relaxed);
        m_requests->resumes.fetch_add(1, std::memory_order_relaxed);
    }
    bool isPauseRequested() const noexcept { return m_requests->isPaused.load(std::memory_order_relaxed); }

private:
    struct Requests {
        std::atomic<bool> isCancelled{false};
        std::atomic<bool> isStopped{false};
        std::atomic<bool> isPaused{false};
        std::atomic<std::uint32_t> resumes{0};
    };

    void report(Progress progress) const;
    void throwIfCancelled() const;

    ProgressSink m_sink;
    std::string m_stage;
    std::shared_ptr<Requests> m_requests = std::make_shared<Requests>();
};

}  // namespace bitlathe::core
