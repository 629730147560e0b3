#include "experiments/jobs/latest_wins.h"

#include <QtConcurrent/QtConcurrentRun>

#include <utility>

namespace bitlathe::experiments {

LatestWins::LatestWins(QObject* parent) : QObject(parent) {
    m_pool.setMaxThreadCount(1);
    connect(&m_watcher, &QFutureWatcherBase::finished, this, &LatestWins::takeResult);
}

LatestWins::~LatestWins() {
    m_watcher.disconnect(this);
    m_pool.waitForDone();
}

std::uint64_t LatestWins::start(Work work) {
    ++m_newest;
    if (m_runningNumber != 0) {
        m_waiting = std::move(work);
    } else {
        run(m_newest, std::move(work));
    }
    return m_newest;
}

void LatestWins::cancel() {
    ++m_newest;
    m_waiting.reset();
}

void LatestWins::run(std::uint64_t number, Work work) {
    m_runningNumber = number;
    m_watcher.setFuture(QtConcurrent::run(&m_pool, [work = std::move(work)] {
        Result result;
        result.outcome = runToOutcome([&] { result.deliver = work(); });
        return result;
    }));
}

void LatestWins::takeResult() {
    const Result result = m_watcher.result();
    const std::uint64_t number = std::exchange(m_runningNumber, 0);
    if (m_waiting) {
        Work next = std::move(*m_waiting);
        m_waiting.reset();
        run(m_newest, std::move(next));
    }
    if (number != m_newest) {
        return;
    }
    if (result.outcome.kind == JobOutcome::Kind::Failed) {
        Q_EMIT failed(QString::fromStdString(result.outcome.text));
    } else if (result.deliver) {
        result.deliver();
    }
}

}  // namespace bitlathe::experiments
