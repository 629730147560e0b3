#include "experiments/jobs/job_runner.h"

#include "experiments/jobs/process_memory.h"
#include "experiments/jobs/progress_meter.h"

#include <spdlog/spdlog.h>

#include <QPromise>
#include <QtConcurrent/QtConcurrentRun>

#include <algorithm>
#include <utility>

namespace bitlathe::experiments {

namespace {

constexpr int kProgressIntervalMs = 100;

/// Chooses the signal that belongs to a product.
template <typename... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

JobState stateOf(const JobOutcome& outcome) {
    switch (outcome.kind) {
    case JobOutcome::Kind::Succeeded:
        return JobState::Succeeded;
    case JobOutcome::Kind::CancelledByUser:
        return JobState::Cancelled;
    case JobOutcome::Kind::Failed:
        return JobState::Failed;
    }
    return JobState::Failed;
}

void logOutcome(const JobInfo& job) {
    switch (job.state) {
    case JobState::Succeeded:
        spdlog::info("job '{}' done in {} ms", job.name, job.progress.elapsedMs);
        break;
    case JobState::Cancelled:
        spdlog::info("job '{}' cancelled", job.name);
        break;
    case JobState::Failed:
        spdlog::error("job '{}' failed: {}", job.name, job.outcome.text);
        break;
    default:
        break;
    }
}

}  // namespace

struct JobRunner::Entry {
    JobInfo info;
    std::shared_ptr<Job> job;              ///< shared with the worker while it runs
    core::RunContext context;              ///< copies share the cancel flag
    std::shared_ptr<ProgressMeter> meter;  ///< set while running; thread-safe
    PeakMemory memory;
};

namespace {

/// Steps kept of a training: more than a curve has pixels. When they are twice as many, every other one goes; those
/// that carry ranges stay, as they are a tenth.
constexpr std::size_t kKeptSteps = 4000;

void keepStep(JobInfo& info, const core::StepReport& report) {
    info.steps.push_back(report);
    if (info.steps.size() > 2 * kKeptSteps) {
        std::vector<core::StepReport> kept;
        for (std::size_t i = 0; i < info.steps.size(); ++i) {
            if (i % 2 == 1 || !info.steps[i].ranges.empty()) {
                kept.push_back(std::move(info.steps[i]));
            }
        }
        info.steps = std::move(kept);
    }
}

}  // namespace

JobRunner::JobRunner(EngineHost& engineHost, QObject* parent) : QObject(parent), m_engineHost(engineHost) {
    connect(&m_watcher, &QFutureWatcherBase::finished, this, &JobRunner::finishRunning);
    m_progressTimer.setInterval(kProgressIntervalMs);
    connect(&m_progressTimer, &QTimer::timeout, this, &JobRunner::refreshProgress);
}

JobRunner::~JobRunner() {
    // No signals from here on: whoever listens may be half destroyed.
    m_watcher.disconnect(this);
    if (m_running != nullptr) {
        m_running->context.requestCancel();
        m_watcher.waitForFinished();
    }
}

JobId JobRunner::enqueue(std::unique_ptr<Job> job) {
    auto entry = std::make_unique<Entry>();
    entry->info.id = JobId{++m_lastId};
    entry->info.kind = job->kind();
    entry->info.name = job->name();
    entry->info.plannedEpochs = job->plannedEpochs();
    entry->info.queuedAt = QDateTime::currentDateTimeUtc();
    entry->job = std::move(job);
    const JobId id = entry->info.id;
    m_entries.push_back(std::move(entry));
    Q_EMIT jobAdded(id);
    startNext();
    return id;
}

void JobRunner::startNext() {
    if (m_running != nullptr) {
        return;
    }
    if (Entry* const next = firstWaiting()) {
        start(*next);
    }
}

void JobRunner::start(Entry& entry) {
    m_running = &entry;
    entry.info.state = JobState::Running;
    entry.info.startedAt = QDateTime::currentDateTimeUtc();
    entry.memory = PeakMemory();
    entry.meter = std::make_shared<ProgressMeter>(ProgressMeter::Clock::now());
    entry.context = core::RunContext([meter = entry.meter](const core::Progress& progress) {
        meter->report(progress, ProgressMeter::Clock::now());
    });
    spdlog::info("job '{}' started", entry.info.name);

    const JobId id = entry.info.id;
    m_watcher.setFuture(QtConcurrent::run(
        &m_engineHost.pool(),
        [this, id, job = entry.job, context = entry.context](QPromise<JobOutcome>& promise) mutable {
            // `this` is alive: the destructor waits for this function. Products are queued, so they arrive
            // before the watcher's finished signal, in order.
            const auto publish = [this, id](JobProduct product) {
                QMetaObject::invokeMethod(
                    this, [this, id, product = std::move(product)] { deliver(id, product); },
                    Qt::QueuedConnection);
            };
            promise.addResult(runToOutcome([&] {
                if (context.isCancelRequested()) {
                    throw core::Cancelled();
                }
                JobScope scope(m_engineHost, context, publish);
                publish(job->run(scope));
            }));
        }));
    m_progressTimer.start();
    Q_EMIT jobChanged(id);
}

void JobRunner::finishRunning() {
    Entry* const entry = std::exchange(m_running, nullptr);
    m_progressTimer.stop();
    // A future without a result was cancelled before its function ran.
    const QFuture<JobOutcome> future = m_watcher.future();
    const JobOutcome outcome = future.resultCount() > 0 ? future.result() : JobOutcome::cancelledByUser();
    finish(*entry, outcome);
    startNext();
    if (!isBusy()) {
        Q_EMIT idle();
    }
}

void JobRunner::finish(Entry& entry, const JobOutcome& outcome) {
    const JobId id = entry.info.id;
    if (entry.meter) {
        entry.info.progress = entry.meter->snapshot(ProgressMeter::Clock::now());
        entry.info.progress.residentBytes = entry.memory.sample();
        entry.info.progress.peakBytes = entry.memory.peakBytes();
        entry.info.progress.remainingMs.reset();
        Q_EMIT progressChanged(id);
    }
    entry.info.outcome = outcome;
    entry.info.state = stateOf(outcome);
    entry.info.finishNumber = ++m_lastFinish;
    entry.info.finishedAt = QDateTime::currentDateTimeUtc();
    entry.job.reset();
    entry.meter.reset();
    logOutcome(entry.info);
    Q_EMIT jobChanged(id);
    Q_EMIT jobFinished(id, outcome);
}

void JobRunner::refreshProgress() {
    if (m_running == nullptr) {
        return;
    }
    JobProgress progress = m_running->meter->snapshot(ProgressMeter::Clock::now());
    progress.residentBytes = m_running->memory.sample();
    progress.peakBytes = m_running->memory.peakBytes();
    m_running->info.progress = std::move(progress);
    Q_EMIT progressChanged(m_running->info.id);
}

void JobRunner::cancel(JobId id) {
    Entry* const entry = entryOf(id);
    if (entry == nullptr) {
        return;
    }
    if (entry->info.state == JobState::Waiting) {
        finish(*entry, JobOutcome::cancelledByUser());
        if (!isBusy()) {
            Q_EMIT idle();
        }
    } else if (entry->info.state == JobState::Running) {
        entry->context.requestCancel();
        entry->info.state = JobState::Cancelling;
        Q_EMIT jobChanged(id);
    }
}

void JobRunner::cancelAll() {
    // Waiting ones first, so that none starts when the running one ends.
    for (const JobId id : jobs()) {
        if (const JobInfo* info = find(id); info != nullptr && info->state == JobState::Waiting) {
            cancel(id);
        }
    }
    if (m_running != nullptr) {
        cancel(m_running->info.id);
    }
}

bool JobRunner::moveWaiting(JobId id, int direction) {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const auto& entry) { return entry->info.id == id; });
    if (found == m_entries.end() || (*found)->info.state != JobState::Waiting) {
        return false;
    }
    auto neighbour = found;
    do {
        if (direction < 0 ? neighbour == m_entries.begin() : std::next(neighbour) == m_entries.end()) {
            return false;
        }
        neighbour += direction < 0 ? -1 : 1;
    } while ((*neighbour)->info.state != JobState::Waiting);
    std::iter_swap(found, neighbour);
    Q_EMIT queueChanged();
    return true;
}

void JobRunner::clearFinished() {
    const auto removed =
        std::erase_if(m_entries, [](const auto& entry) { return isFinished(entry->info.state); });
    if (removed > 0) {
        Q_EMIT queueChanged();
    }
}

void JobRunner::deliver(JobId id, const JobProduct& product) {
    std::visit(
        Overloaded{
            [](std::monostate) {},
            [&](const std::shared_ptr<const OpenedModel>& model) { Q_EMIT modelOpened(id, model); },
            [&](const std::shared_ptr<const Calibration>& value) { Q_EMIT calibrated(id, value); },
            [&](const std::shared_ptr<const VariantResult>& result) { Q_EMIT variantFinished(id, result); },
            [&](const std::shared_ptr<const core::StepReport>& report) {
                if (Entry* const entry = entryOf(id)) {
                    keepStep(entry->info, *report);
                }
                Q_EMIT stepReported(id, report);
            },
            [&](const std::shared_ptr<const core::EpochReport>& report) {
                if (Entry* const entry = entryOf(id)) {
                    entry->info.epochs.push_back(*report);
                }
                Q_EMIT epochFinished(id, report);
            },
            [&](const std::shared_ptr<const LayerErrors>& errors) { Q_EMIT layerErrorsMeasured(id, errors); },
            [&](const std::shared_ptr<const MeasuredSensitivity>& sensitivity) {
                Q_EMIT sensitivityMeasured(id, sensitivity);
            },
            [&](const std::shared_ptr<const ExportedFiles>& files) { Q_EMIT exported(id, files); },
            [&](const std::shared_ptr<const RecipeResult>& result) { Q_EMIT recipeFinished(id, result); },
        },
        product);
}

void JobRunner::pause(JobId id) {
    Entry* const entry = entryOf(id);
    if (entry != nullptr && entry == m_running && !entry->info.isPauseRequested) {
        entry->info.isPauseRequested = true;
        entry->context.requestPause();
        Q_EMIT jobChanged(id);
    }
}

void JobRunner::resume(JobId id) {
    Entry* const entry = entryOf(id);
    if (entry != nullptr && entry == m_running) {
        entry->info.isPauseRequested = false;
        entry->context.requestResume();
        Q_EMIT jobChanged(id);
    }
}

void JobRunner::stopAndKeep(JobId id) {
    Entry* const entry = entryOf(id);
    if (entry != nullptr && entry == m_running && !entry->info.isStopRequested) {
        entry->info.isStopRequested = true;
        entry->context.requestStop();
        resume(id);  // a paused one goes on to its end
    }
}

std::vector<JobId> JobRunner::jobs() const {
    std::vector<JobId> ids;
    ids.reserve(m_entries.size());
    for (const auto& entry : m_entries) {
        ids.push_back(entry->info.id);
    }
    return ids;
}

const JobInfo* JobRunner::find(JobId id) const {
    const Entry* const entry = entryOf(id);
    return entry == nullptr ? nullptr : &entry->info;
}

bool JobRunner::isBusy() const noexcept {
    return m_running != nullptr || firstWaiting() != nullptr;
}

int JobRunner::runningCount() const noexcept {
    return m_running != nullptr ? 1 : 0;
}

int JobRunner::waitingCount() const noexcept {
    return static_cast<int>(std::count_if(m_entries.begin(), m_entries.end(), [](const auto& entry) {
        return entry->info.state == JobState::Waiting;
    }));
}

JobRunner::Entry* JobRunner::entryOf(JobId id) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const auto& entry) { return entry->info.id == id; });
    return found == m_entries.end() ? nullptr : found->get();
}

JobRunner::Entry* JobRunner::firstWaiting() const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [](const auto& entry) { return entry->info.state == JobState::Waiting; });
    return found == m_entries.end() ? nullptr : found->get();
}

}  // namespace bitlathe::experiments
