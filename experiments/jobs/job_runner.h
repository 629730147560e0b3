#pragma once

#include <string>

#include "experiments/jobs/job.h"
#include "experiments/jobs/job_id.h"
#include "experiments/jobs/job_outcome.h"
#include "experiments/jobs/job_progress.h"

#include <QDateTime>
#include <QFutureWatcher>
#include <QObject>
#include <QTimer>

#include <memory>
#include <vector>

namespace bitlathe::experiments {

enum class JobState { Waiting, Running, Cancelling, Succeeded, Cancelled, Failed };

inline bool isFinished(JobState state) noexcept {
    return state == JobState::Succeeded || state == JobState::Cancelled || state == JobState::Failed;
}

/// What the window shows of a job: a value, a snapshot of the GUI thread's knowledge.
struct JobInfo {
    JobId id;
    std::string kind;
    std::string name;
    JobState state = JobState::Waiting;
    JobProgress progress;
    JobOutcome outcome;                     ///< once finished
    std::vector<core::EpochReport> epochs;  ///< of a training job, so far
    std::vector<core::StepReport> steps;    ///< of a training job, thinned to a few thousand
    std::int64_t plannedEpochs = 0;         ///< of a training job; 0 for others
    bool isPauseRequested = false;
    bool isStopRequested = false;
    std::int64_t finishNumber = 0;  ///< counts the endings of all jobs; 0 until finished
    QDateTime queuedAt;
    QDateTime startedAt;   ///< null while waiting
    QDateTime finishedAt;  ///< null until finished
};

/// Runs jobs one after the other on the engine's thread. Everything public belongs to the GUI thread, and
/// every signal is emitted there. For each job: jobAdded, then changes, products in the order they were made,
/// and exactly one jobFinished as the last thing, whatever happened.
///
/// Progress is looked up ten times a second, so it costs the worker nothing to report every batch, and the
/// elapsed time goes on while a batch takes long.
class JobRunner : public QObject {
    Q_OBJECT

public:
    /// The host must outlive the runner.
    explicit JobRunner(EngineHost& engineHost, QObject* parent = nullptr);
    /// Cancels everything and waits for the running job to reach its next checkpoint.
    ~JobRunner() override;

    JobId enqueue(std::unique_ptr<Job> job);
    /// A waiting job ends at once. A running one turns to Cancelling at once and stops at its next
    /// checkpoint. Does nothing for a finished or unknown job.
    void cancel(JobId id);
    void cancelAll();
    /// The running job waits at its next checkpoint until it is resumed. Nothing for others.
    void pause(JobId id);
    void resume(JobId id);
    /// A running training ends after its present step with the best it has; other jobs go on.
    void stopAndKeep(JobId id);
    /// Moves a waiting job before (-1) or after (+1) its neighbour in the queue. False: it cannot be moved
    /// that way.
    bool moveWaiting(JobId id, int direction);
    /// Forgets finished jobs.
    void clearFinished();

    /// In the order they were enqueued, but for waiting ones that were moved.
    std::vector<JobId> jobs() const;
    /// Null for an unknown id. Valid until the next change.
    const JobInfo* find(JobId id) const;
    bool isBusy() const noexcept;  ///< a job runs or waits
    int runningCount() const noexcept;
    int waitingCount() const noexcept;

Q_SIGNALS:
    void jobAdded(bitlathe::experiments::JobId id);
    /// State changed.
    void jobChanged(bitlathe::experiments::JobId id);
    /// Progress alone changed; at most ten times a second, and once more before jobFinished.
    void progressChanged(bitlathe::experiments::JobId id);
    void jobFinished(bitlathe::experiments::JobId id, const bitlathe::experiments::JobOutcome& outcome);
    /// Order changed or finished jobs were forgotten.
    void queueChanged();
    /// The last job of the queue is over.
    void idle();

    // Products of jobs.
    void modelOpened(bitlathe::experiments::JobId id,
                     const std::shared_ptr<const bitlathe::experiments::OpenedModel>& model);
    void calibrated(bitlathe::experiments::JobId id,
                    const std::shared_ptr<const bitlathe::experiments::Calibration>& calibration);
    void variantFinished(bitlathe::experiments::JobId id,
                         const std::shared_ptr<const bitlathe::experiments::VariantResult>& result);
    void stepReported(bitlathe::experiments::JobId id,
                      const std::shared_ptr<const bitlathe::core::StepReport>& report);
    void epochFinished(bitlathe::experiments::JobId id,
                       const std::shared_ptr<const bitlathe::core::EpochReport>& report);
    void layerErrorsMeasured(bitlathe::experiments::JobId id,
                             const std::shared_ptr<const bitlathe::experiments::LayerErrors>& errors);
    void
    sensitivityMeasured(bitlathe::experiments::JobId id,
                        const std::shared_ptr<const bitlathe::experiments::MeasuredSensitivity>& sensitivity);
    void exported(bitlathe::experiments::JobId id,
                  const std::shared_ptr<const bitlathe::experiments::ExportedFiles>& files);
    void recipeFinished(bitlathe::experiments::JobId id,
                        const std::shared_ptr<const bitlathe::experiments::RecipeResult>& result);

private:
    struct Entry;

    void startNext();
    void start(Entry& entry);
    void finishRunning();
    void finish(Entry& entry, const JobOutcome& outcome);
    void refreshProgress();
    void deliver(JobId id, const JobProduct& product);
    Entry* entryOf(JobId id) const;
    Entry* firstWaiting() const;

    EngineHost& m_engineHost;
    std::vector<std::unique_ptr<Entry>> m_entries;
    Entry* m_running = nullptr;  ///< one of m_entries
    QFutureWatcher<JobOutcome> m_watcher;
    QTimer m_progressTimer;
    std::int64_t m_lastId = 0;
    std::int64_t m_lastFinish = 0;
};

}  // namespace bitlathe::experiments
