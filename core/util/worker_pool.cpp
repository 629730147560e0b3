#include "core/util/worker_pool.h"

#include <utility>

namespace bitlathe::core {

WorkerPool::WorkerPool(int helpers) {
    for (int i = 1; i <= helpers; ++i) {
        m_threads.emplace_back([this, i] { help(i); });
    }
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(m_mutex);
        m_isEnding = true;
    }
    m_wake.notify_all();
    m_threads.clear();  // joined before the members they use go
}

void WorkerPool::run(int helpers, const std::function<void(int)>& work) {
    if (helpers > 0) {
        const std::lock_guard lock(m_mutex);
        m_work = &work;
        m_invited = helpers;
        ++m_call;
        m_wake.notify_all();
    }
    std::exception_ptr failure;
    try {
        work(0);
    } catch (...) {
        failure = std::current_exception();
    }
    std::unique_lock lock(m_mutex);
    m_work = nullptr;  // who comes now comes too late
    m_isDone.wait(lock, [this] { return m_busy == 0; });
    const std::exception_ptr helpersFailure = std::exchange(m_failure, nullptr);
    lock.unlock();
    if (failure || helpersFailure) {
        std::rethrow_exception(failure ? failure : helpersFailure);
    }
}

void WorkerPool::help(int index) {
    std::uint64_t lastCall = 0;
    std::unique_lock lock(m_mutex);
    while (true) {
        m_wake.wait(lock, [&] {
            return m_isEnding || (m_work != nullptr && m_call != lastCall && index <= m_invited);
        });
        if (m_isEnding) {
            return;
        }
        lastCall = m_call;
        const std::function<void(int)>& work = *m_work;
        ++m_busy;
        lock.unlock();
        std::exception_ptr failure;
        try {
            work(index);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure && !m_failure) {
            m_failure = failure;
        }
        if (--m_busy == 0) {
            m_isDone.notify_one();
        }
    }
}

}  // namespace bitlathe::core
