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
};

/// The one thing long work sees of the outside: where to report progress and whether to stop.
/// Copyable; copies share the cancel flag. Thread-safe to cancel from anywhere; checkpoint belongs to the working thread.
class RunContext {
public:
    using ProgressSink = std::function<void(const Progress&)>;

    RunContext() = default;
    explicit RunContext(ProgressSink sink) : m_sink(std::move(sink)) {}

    /// Names the stage that the following checkpoints belong to.
    void beginStage(std::string stage) { m_stage = std::move(stage); }
    /// Reports progress. Call once per batch and per layer.
    /// Throws Cancelled when requestCancel() was called.
    void checkpoint(std::int64_t done, std::int64_t total, const std::string& detail = {}) const;

    void requestCancel() noexcept { m_cancel->store(true, std::memory_order_relaxed); }
    bool isCancelRequested() const noexcept { return m_cancel->load(std::memory_order_relaxed); }

private:
    ProgressSink m_sink;
    std::string m_stage;
    std::shared_ptr<std::atomic<bool>> m_cancel = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace bitlathe::core
