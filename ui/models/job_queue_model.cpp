#include "ui/models/job_queue_model.h"

#include "plots/number_text.h"
#include "ui/document/layer_title.h"
#include "ui/models/run_text.h"
#include "ui/models/status_icon.h"
#include "ui/settings/theme.h"

#include <QCoreApplication>

#include <algorithm>
#include <map>
#include <set>

namespace bitlathe::ui {

using experiments::JobId;
using experiments::JobInfo;
using experiments::JobProgress;
using experiments::JobRunner;
using experiments::JobState;

namespace {

QString translated(const char* text) {
    return QCoreApplication::translate("JobText", text);
}

StatusGlyph glyphOf(JobState state) {
    switch (state) {
    case JobState::Waiting:
        return StatusGlyph::Waiting;
    case JobState::Running:
        return StatusGlyph::Running;
    case JobState::Cancelling:
        return StatusGlyph::Stopping;
    case JobState::Succeeded:
        return StatusGlyph::Succeeded;
    case JobState::Cancelled:
        return StatusGlyph::Cancelled;
    case JobState::Failed:
        return StatusGlyph::Failed;
    }
    return StatusGlyph::Failed;
}

QString detailText(const JobInfo& job) {
    switch (job.state) {
    case JobState::Waiting:
        return {};
    case JobState::Failed:
        return QString::fromStdString(job.outcome.text).section(QLatin1Char('\n'), 0, 0);
    default:
        return stageText(job.progress);
    }
}

QString timeText(const JobInfo& job) {
    return job.startedAt.isValid() ? durationText(static_cast<double>(job.progress.elapsedMs)) : QString();
}

}  // namespace

QString jobKindText(const std::string& kind) {
    static const std::map<std::string, const char*> kTexts{
        {"run_recipe", QT_TRANSLATE_NOOP("JobText", "Run recipe")},
        {"open_model", QT_TRANSLATE_NOOP("JobText", "Open model")},
        {"calibrate", QT_TRANSLATE_NOOP("JobText", "Calibrate")},
        {"evaluate", QT_TRANSLATE_NOOP("JobText", "Evaluate")},
        {"sensitivity", QT_TRANSLATE_NOOP("JobText", "Measure sensitivity")},
        {"layer_errors", QT_TRANSLATE_NOOP("JobText", "Measure layer errors")},
        {"export", QT_TRANSLATE_NOOP("JobText", "Export")},
    };
    const auto found = kTexts.find(kind);
    return found == kTexts.end() ? QString::fromStdString(kind) : translated(found->second);
}

QString jobStateText(JobState state) {
    switch (state) {
    case JobState::Waiting:
        return translated("waiting");
    case JobState::Running:
        return translated("running");
    case JobState::Cancelling:
        return translated("cancelling…");
    case JobState::Succeeded:
        return translated("done");
    case JobState::Cancelled:
        return translated("cancelled");
    case JobState::Failed:
        return translated("failed");
    }
    return {};
}

QString stageText(const JobProgress& progress) {
    QStringList parts;
    if (!progress.stage.empty()) {
        parts.append(QString::fromStdString(progress.stage));
    }
    if (progress.total > 1) {
        parts.append(translated("%1 of %2").arg(groupedNumber(progress.done), groupedNumber(progress.total)));
    }
    if (!progress.detail.empty()) {
        parts.append(QString::fromStdString(progress.detail));
    }
    return parts.join(QStringLiteral(" · "));
}

QString costText(const JobProgress& progress) {
    QStringList parts;
    if (progress.remainingMs) {
        parts.append(remainingText(*progress.remainingMs));
    }
    parts.append(translated("%1 elapsed").arg(clockText(progress.elapsedMs)));
    if (progress.residentBytes > 0) {
        parts.append(translated("%1 (peak %2)")
                         .arg(plots::shortBytes(static_cast<double>(progress.residentBytes)),
                              plots::shortBytes(static_cast<double>(progress.peakBytes))));
    }
    return parts.join(QStringLiteral(" · "));
}

JobQueueModel::JobQueueModel(JobRunner& runner, QObject* parent)
    : QAbstractTableModel(parent), m_runner(runner), m_rows(orderedJobs()) {
    connect(&runner, &JobRunner::jobAdded, this, &JobQueueModel::synchronize);
    connect(&runner, &JobRunner::queueChanged, this, &JobQueueModel::synchronize);
    connect(&runner, &JobRunner::progressChanged, this, &JobQueueModel::updateRow);
    connect(&runner, &JobRunner::jobChanged, this, [this](JobId id) {
        synchronize();
        updateRow(id);
    });
}

std::vector<JobId> JobQueueModel::orderedJobs() const {
    std::vector<JobId> waiting;
    std::vector<JobId> finished;
    std::vector<JobId> ordered;
    for (const JobId id : m_runner.jobs()) {
        const JobState state = m_runner.find(id)->state;
        (state == JobState::Waiting ? waiting : isFinished(state) ? finished : ordered).push_back(id);
    }
    std::stable_sort(finished.begin(), finished.end(), [&](JobId a, JobId b) {
        return m_runner.find(a)->finishNumber > m_runner.find(b)->finishNumber;
    });
    ordered.insert(ordered.end(), waiting.begin(), waiting.end());
    ordered.insert(ordered.end(), finished.begin(), finished.end());
    return ordered;
}

void JobQueueModel::synchronize() {
    const std::vector<JobId> wanted = orderedJobs();
    const std::set<JobId> present(wanted.begin(), wanted.end());
    for (int row = rowCount() - 1; row >= 0; --row) {
        if (!present.contains(jobAt(row))) {
            beginRemoveRows({}, row, row);
            m_rows.erase(m_rows.begin() + row);
            endRemoveRows();
        }
    }
    for (int row = 0; row < static_cast<int>(wanted.size()); ++row) {
        const JobId id = wanted[static_cast<std::size_t>(row)];
        const int old = rowOf(id);
        if (old < 0) {
            beginInsertRows({}, row, row);
            m_rows.insert(m_rows.begin() + row, id);
            endInsertRows();
        } else if (old > row) {
            beginMoveRows({}, old, old, {}, row);
            std::rotate(m_rows.begin() + row, m_rows.begin() + old, m_rows.begin() + old + 1);
            endMoveRows();
        }
    }
}

void JobQueueModel::updateRow(JobId id) {
    if (const int row = rowOf(id); row >= 0) {
        Q_EMIT dataChanged(index(row, 0), index(row, kColumnCount - 1));
    }
}

int JobQueueModel::rowOf(JobId id) const {
    const auto found = std::find(m_rows.begin(), m_rows.end(), id);
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

int JobQueueModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int JobQueueModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

QVariant JobQueueModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const JobInfo* const job = m_runner.find(jobAt(index.row()));
    if (job == nullptr) {
        return {};
    }
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case State:
            return jobStateText(job->state);
        case Name:
            return tr("%1: %2").arg(jobKindText(job->kind), QString::fromStdString(job->name));
        case Detail:
            return detailText(*job);
        case Time:
            return timeText(*job);
        default:
            return {};
        }
    case Qt::DecorationRole:
        return index.column() == State ? QVariant(statusIcon(glyphOf(job->state))) : QVariant();
    case Qt::ForegroundRole:
        if (job->state == JobState::Failed && index.column() != Name && index.column() != Time) {
            return currentTheme().attention;
        }
        return index.column() == Detail ? QVariant(currentTheme().mutedText) : QVariant();
    case Qt::ToolTipRole:
        return job->state == JobState::Failed ? QString::fromStdString(job->outcome.text) : QString();
    case Qt::TextAlignmentRole:
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (index.column() == Time ? Qt::AlignRight : Qt::AlignLeft));
    case JobIdRole:
        return QVariant::fromValue<qint64>(job->id.value);
    case StateRole:
        return static_cast<int>(job->state);
    default:
        return {};
    }
}

QVariant JobQueueModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (section == Time ? Qt::AlignRight : Qt::AlignLeft));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case State:
        return tr("State");
    case Name:
        return tr("Job");
    case Detail:
        return tr("Stage");
    case Time:
        return tr("Time");
    default:
        return {};
    }
}

}  // namespace bitlathe::ui
