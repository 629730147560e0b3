#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bitlathe::core {

/// Threads that sleep between calls and help the caller with work it shares out itself.
///
/// The caller never waits for a helper to wake: on a busy machine that can take longer than the work. A helper that
/// comes when everything is done goes back to sleep.
/// Not for two callers at once, nor from inside the work.
class WorkerPool {
public:
    explicit WorkerPool(int helpers);
    /// Waits for the helpers to end.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// work(0) on this thread, and work(1) .. work(helpers) on those helpers that wake before it is done; each takes
    /// what is left until nothing is. Returns when all that began have ended; throws the first exception of any.
    void run(int helpers, const std::function<void(int)>& work);

private:
    void help(int index);

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_isDone;
    const std::function<void(int)>* m_work = nullptr;  ///< null: nothing to do
    std::uint64_t m_call = 0;
    int m_invited = 0;  ///< helpers 1 .. m_invited
    int m_busy = 0;
    bool m_isEnding = false;
    std::exception_ptr m_failure;
    std::vector<std::jthread> m_threads;
};

}  // namespace bitlathe::core
