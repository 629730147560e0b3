#pragma once

#include <string>

#include "experiments/jobs/job_outcome.h"

#include <QFutureWatcher>
#include <QObject>
#include <QThreadPool>

#include <cstdint>
#include <functional>
#include <optional>

namespace bitlathe::experiments {

/// Recalculation for live previews: a start makes every earlier one stale. At most one calculation runs and
/// one waits, so a drag that asks sixty times a second never builds up a queue. Has a thread of its own:
/// previews read statistics, not the engine, and must not wait for a job.
class LatestWins : public QObject {
    Q_OBJECT

public:
    /// Shows a result; runs on the GUI thread.
    using Delivery = std::function<void()>;
    /// Calculates on the worker and returns how to show it. Holds copies of what it reads; may throw.
    using Work = std::function<Delivery()>;

    explicit LatestWins(QObject* parent = nullptr);
    /// Drops what waits and waits for what runs; nothing is delivered any more.
    ~LatestWins() override;

    /// Starts or queues `work`, replacing one that waits. Returns its number.
    std::uint64_t start(Work work);
    /// Makes everything started so far stale.
    void cancel();
    bool isBusy() const noexcept { return m_runningNumber != 0; }

Q_SIGNALS:
    /// The newest calculation threw.
    void failed(const QString& text);

private:
    struct Result {
        JobOutcome outcome;
        Delivery deliver;
    };

    void run(std::uint64_t number, Work work);
    void takeResult();

    std::uint64_t m_newest = 0;         ///< number of the latest start
    std::uint64_t m_runningNumber = 0;  ///< 0: none
    std::optional<Work> m_waiting;      ///< always the one numbered m_newest
    QThreadPool m_pool;
    QFutureWatcher<Result> m_watcher;
};

}  // namespace bitlathe::experiments
