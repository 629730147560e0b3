#include "ui/panels/training_panel.h"

#include "plots/number_text.h"
#include "plots/series_plot.h"
#include "plots/training_curve_plot.h"
#include "ui/document/layer_title.h"
#include "ui/models/run_text.h"
#include "ui/panels/elided_label.h"
#include "ui/panels/panel_parts.h"
#include "ui/settings/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QStackedWidget>
#include <QStyle>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace bitlathe::ui {

using experiments::JobId;
using experiments::JobInfo;
using experiments::JobRunner;
using experiments::JobState;

namespace {

constexpr int kBarSteps = 1000;
/// Learned ranges drawn with a name; the rest are grey lines.
constexpr std::size_t kNamedRanges = 6;
/// Weight of a new step in what is drawn. Single batches jump too much to be read.
constexpr double kSmoothing = 0.08;

QString siteTitle(const core::SiteId& site) {
    const QString layer = site.layer == core::kInputLayer ? QStringLiteral("input") : layerTitle(site.layer);
    return layer + (site.kind == core::SiteKind::Weight ? QStringLiteral(" · W") : QString());
}

/// An exponential mean, begun with the first value.
class Smoothed {
public:
    double operator()(double value) {
        m_mean = m_mean ? *m_mean + kSmoothing * (value - *m_mean) : value;
        return *m_mean;
    }

private:
    std::optional<double> m_mean;
};

std::vector<plots::TrainingPoint> curveOf(const JobInfo& job) {
    std::vector<plots::TrainingPoint> points;
    Smoothed loss;
    Smoothed accuracy;
    const double perEpoch =
        job.steps.empty() || job.plannedEpochs <= 0
            ? 0
            : static_cast<double>(job.steps.back().totalSteps) / static_cast<double>(job.plannedEpochs);
    auto epoch = job.epochs.begin();
    const auto addEpochs = [&](double until) {
        for (; epoch != job.epochs.end() && static_cast<double>(epoch->epoch) <= until; ++epoch) {
            points.push_back(
                {static_cast<double>(epoch->epoch), std::nullopt, epoch->measured().top1Percent(), {}});
        }
    };
    for (const core::StepReport& step : job.steps) {
        if (!std::isfinite(step.loss) || perEpoch <= 0) {
            continue;
        }
        const double at = static_cast<double>(step.step) / perEpoch;
        addEpochs(at);
        points.push_back({at, loss(step.loss), std::nullopt, accuracy(step.top1Percent)});
    }
    if (job.steps.empty()) {  // a trainer that tells of epochs alone
        for (const core::EpochReport& report : job.epochs) {
            points.push_back(
                {static_cast<double>(report.epoch), report.trainLoss, report.measured().top1Percent(), {}});
        }
    } else {
        addEpochs(HUGE_VAL);
    }
    return points;
}

/// Of a training, measured by itself where its steps tell.
std::int64_t peakBytes(const JobInfo& job) {
    return job.steps.empty() || job.steps.back().peakMemoryBytes == 0 ? job.progress.peakBytes
                                                                      : job.steps.back().peakMemoryBytes;
}

/// The upper bound of every quantizer relative to where it began: what is learned, whatever the units. Those that
/// moved most have names.
std::vector<plots::Series> rangesOf(const JobInfo& job) {
    std::map<core::SiteId, plots::Series> bySite;
    std::map<core::SiteId, double> start;
    for (const core::StepReport& step : job.steps) {
        for (const core::SiteRange& range : step.ranges) {
            const double bound = std::max(std::abs(range.lower), std::abs(range.upper));
            const auto [first, isNew] = start.emplace(range.site, bound);
            if (first->second > 0) {
                plots::Series& series = bySite[range.site];
                series.name = siteTitle(range.site);
                series.points.emplace_back(static_cast<double>(step.step), bound / first->second);
            }
        }
    }
    std::vector<plots::Series> series;
    for (auto& [site, line] : bySite) {
        series.push_back(std::move(line));
    }
    const auto moved = [](const plots::Series& line) {
        return std::abs(std::log(std::max(1e-9, line.points.back().y())));
    };
    std::stable_sort(series.begin(), series.end(),
                     [&](const plots::Series& a, const plots::Series& b) { return moved(a) > moved(b); });
    for (std::size_t i = kNamedRanges; i < series.size(); ++i) {
        series[i].isBackground = true;
    }
    return series;
}

}  // namespace

TrainingPanel::TrainingPanel(JobRunner& runner, QWidget* parent) : QWidget(parent), m_runner(runner) {
    QLabel* const empty = newEmptyStateLabel(this);
    empty->setText(tr("No training yet.\nTrain… (F5) trains the active configuration with quantization in "
                      "the loop; its curves, "
                      "speed and memory appear here while it runs."));
    auto* const page = new QWidget(this);
    m_curve = new plots::TrainingCurvePlot(page);
    m_curve->setMinimumHeight(110);
    m_ranges = new plots::SeriesPlot(tr("Learned ranges"), page);
    m_ranges->setCaptions(tr("step"), tr("largest bound, relative to its start"));
    m_ranges->setEmptyText(tr("No learned ranges."));
    auto* const curves = new QHBoxLayout;
    curves->setContentsMargins({});
    curves->setSpacing(0);
    curves->addWidget(m_curve, 3);
    curves->addWidget(m_ranges, 2);
    auto* const column = new QVBoxLayout(page);
    column->setContentsMargins({});
    column->setSpacing(0);
    column->addWidget(newHead());
    m_message = new QLabel(page);
    m_message->setWordWrap(true);
    m_message->setProperty("role", QStringLiteral("attention"));
    m_message->setTextFormat(Qt::PlainText);
    m_message->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_message->setAccessibleName(tr("What the training waits for or failed of"));
    auto* const messageRow = new QHBoxLayout;
    messageRow->setContentsMargins(12, 0, 12, 6);
    messageRow->addWidget(m_message);
    column->addLayout(messageRow);
    column->addLayout(curves, 1);
    m_pages = new QStackedWidget(this);
    m_pages->addWidget(empty);
    m_pages->addWidget(page);
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->addWidget(m_pages);

    connect(&runner, &JobRunner::stepReported, this, &TrainingPanel::takeStep);
    connect(&runner, &JobRunner::epochFinished, this, [this](JobId id) {
        follow(id);
        refresh();
    });
    connect(&runner, &JobRunner::variantFinished, this, [this](JobId id, const auto& result) {
        if (id == m_job) {
            m_run = result->run;
        }
    });
    connect(&runner, &JobRunner::progressChanged, this, [this](JobId id) {
        if (id == m_job) {
            refreshFigures();
            refreshCurves();
        }
    });
    connect(&runner, &JobRunner::jobChanged, this, [this](JobId id) {
        if (id == m_job) {
            refresh();
        }
    });
    refresh();
}

QWidget* TrainingPanel::newHead() {
    auto* const head = new QWidget(this);
    m_name = new QLabel(head);
    QFont bold = m_name->font();
    bold.setWeight(QFont::DemiBold);
    m_name->setFont(bold);
    m_figures = new ElidedLabel(head);
    m_figures->setAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    m_figures->setProperty("role", QStringLiteral("muted"));
    m_figures->setAccessibleName(tr("State of the training"));
    m_bar = new QProgressBar(head);
    m_bar->setAccessibleName(tr("Progress of the training"));
    m_bar->setTextVisible(false);
    m_bar->setFixedHeight(6);
    m_bar->setRange(0, kBarSteps);
    m_pause = newToolButton(tr("Pause"), tr("Wait after this step; nothing is lost"), head);
    m_stop = newToolButton(tr("Stop, keep best"),
                           tr("End after this step with the weights of the best epoch"), head);
    m_cancel = newToolButton(tr("Cancel"), tr("End at once; the run is kept in the log as cancelled"), head);
    connect(m_pause, &QToolButton::clicked, this, [this] {
        if (const JobInfo* const shown = job()) {
            const bool waits = shown->isPauseRequested || shown->progress.isPaused;
            waits ? m_runner.resume(m_job) : m_runner.pause(m_job);
        }
    });
    connect(m_stop, &QToolButton::clicked, this, [this] { m_runner.stopAndKeep(m_job); });
    connect(m_cancel, &QToolButton::clicked, this, [this] { m_runner.cancel(m_job); });
    m_open = newToolButton(
        tr("Open trained model"),
        tr("Trained weights and learned ranges as the document: look at them, evaluate, export"), head);
    m_open->setProperty("primary", true);
    connect(m_open, &QToolButton::clicked, this, [this] { Q_EMIT openTrainedRequested(m_run); });
    m_again = newToolButton(tr("Train again…"), tr("The same options to begin with (F5)"), head);
    connect(m_again, &QToolButton::clicked, this, &TrainingPanel::trainAgainRequested);
    auto* const row = new QHBoxLayout;
    row->setSpacing(12);
    row->addWidget(m_name);
    row->addWidget(m_figures, 1);
    for (QToolButton* const button : {m_pause, m_stop, m_cancel, m_again, m_open}) {
        row->addWidget(button);
    }
    auto* const column = new QVBoxLayout(head);
    column->setContentsMargins(12, 8, 12, 6);
    column->setSpacing(6);
    column->addLayout(row);
    column->addWidget(m_bar);
    return head;
}

const JobInfo* TrainingPanel::job() const {
    return m_runner.find(m_job);
}

void TrainingPanel::follow(JobId id) {
    if (id != m_job) {
        m_job = id;
        m_run = {};
        m_shownSteps = 0;
        refresh();
        Q_EMIT trainingStarted();
    }
}

void TrainingPanel::takeStep(JobId id) {
    follow(id);  // the curves follow with the progress, ten times a second
}

void TrainingPanel::refresh() {
    m_pages->setCurrentIndex(job() != nullptr ? 1 : 0);
    m_shownSteps = 0;
    refreshFigures();
    refreshCurves();
}

void TrainingPanel::refreshFigures() {
    const JobInfo* const shown = job();
    if (shown == nullptr) {
        return;
    }
    m_name->setText(QString::fromStdString(shown->name));
    QStringList parts;
    const bool isOver = experiments::isFinished(shown->state);
    if (!shown->steps.empty()) {
        const core::StepReport& step = shown->steps.back();
        parts += tr("epoch %1 of %2").arg(step.epoch).arg(shown->plannedEpochs);
        parts += tr("step %1 of %2").arg(groupedNumber(step.step), groupedNumber(step.totalSteps));
        if (!isOver) {
            parts += tr("%1 images/s").arg(groupedNumber(std::llround(step.imagesPerSecond)));
        }
        m_bar->setValue(step.totalSteps > 0 ? static_cast<int>(kBarSteps * step.step / step.totalSteps) : 0);
    }
    if (isOver) {
        parts += shown->state == JobState::Succeeded
                     ? (shown->isStopRequested ? tr("stopped, best kept") : tr("done"))
                 : shown->state == JobState::Cancelled ? tr("cancelled")
                                                       : tr("failed");
        parts += tr("took %1").arg(durationText(static_cast<double>(shown->progress.elapsedMs)));
    } else if (shown->state == JobState::Cancelling) {
        parts += tr("cancelling…");
    } else if (shown->progress.isPaused) {
        parts += shown->isPauseRequested ? tr("paused") : tr("waiting");
    } else if (shown->isPauseRequested) {
        parts += tr("pausing after this step…");
    } else if (shown->isStopRequested) {
        parts += tr("stopping after this step…");
    } else if (shown->progress.remainingMs) {
        parts += remainingText(*shown->progress.remainingMs);
    }
    if (const std::int64_t peak = peakBytes(*shown); peak > 0) {
        parts += tr("peak %1").arg(plots::shortBytes(static_cast<double>(peak)));
    }
    const auto best = std::max_element(shown->epochs.begin(), shown->epochs.end(),
                                       [](const core::EpochReport& a, const core::EpochReport& b) {
                                           return a.measured().correct < b.measured().correct;
                                       });
    if (best != shown->epochs.end()) {
        parts += tr("best %1 % in epoch %2")
                     .arg(QString::number(best->measured().top1Percent(), 'f', 2))
                     .arg(best->epoch);
    }
    m_figures->setText(parts.join(QStringLiteral(" · ")));
    m_figures->setToolTip(m_figures->text());
    m_message->setText(messageOf(*shown));
    m_message->setVisible(!m_message->text().isEmpty());
    refreshButtons(*shown);
    Q_EMIT summaryChanged();
}

void TrainingPanel::refreshButtons(const JobInfo& shown) {
    const bool isRunning = shown.state == JobState::Running;
    const bool isOver = experiments::isFinished(shown.state);
    const bool isWaiting = shown.progress.isPaused && !shown.isPauseRequested;
    for (QToolButton* const button : {m_pause, m_stop, m_cancel}) {
        button->setVisible(!isOver);
    }
    m_pause->setEnabled(isRunning);
    m_pause->setText(shown.isPauseRequested ? tr("Resume") : isWaiting ? tr("Try again") : tr("Pause"));
    m_pause->setToolTip(shown.isPauseRequested ? tr("Go on from where it waits")
                        : isWaiting            ? tr("Look at once whether it can go on")
                                               : tr("Wait after this step; nothing is lost"));
    m_stop->setEnabled(isRunning && !shown.isStopRequested && !shown.epochs.empty());
    m_stop->setToolTip(shown.epochs.empty() ? tr("There is no best epoch before the first one has ended")
                                            : tr("End after this step with the weights of the best epoch"));
    m_cancel->setEnabled(isRunning);
    m_again->setVisible(isOver);
    m_open->setVisible(isOver && m_run.isValid() && shown.state == JobState::Succeeded);
}

QString TrainingPanel::messageOf(const JobInfo& shown) const {
    if (shown.state == JobState::Failed) {
        const QString text = QString::fromStdString(shown.outcome.text);
        return shown.epochs.empty()
                   ? text
                   : tr("%1\nThe last checkpoint is kept: Train again… with other options, or Resume "
                        "training in the Runs panel once the cause is gone.")
                         .arg(text);
    }
    const bool isWaiting =
        !experiments::isFinished(shown.state) && shown.progress.isPaused && !shown.isPauseRequested;
    return isWaiting ? QString::fromStdString(shown.progress.detail) : QString();
}

QString TrainingPanel::message() const {
    return m_message->text();
}

void TrainingPanel::refreshCurves() {
    const JobInfo* const shown = job();
    if (shown == nullptr || (shown->steps.size() == m_shownSteps && m_shownSteps > 0)) {
        return;
    }
    m_shownSteps = shown->steps.size();
    m_curve->setPlannedEpochs(shown->plannedEpochs > 0
                                  ? std::optional<double>(static_cast<double>(shown->plannedEpochs))
                                  : std::nullopt);
    m_curve->setPoints(curveOf(*shown));
    std::vector<plots::Series> learned = rangesOf(*shown);
    m_ranges->setVisible(!learned.empty());
    m_ranges->setSeries(std::move(learned));
}

QString TrainingPanel::figures() const {
    return m_figures->text();
}

QString TrainingPanel::summary() const {
    const JobInfo* const shown = job();
    if (shown == nullptr || shown->steps.empty() || experiments::isFinished(shown->state)) {
        return {};
    }
    return tr("epoch %1 of %2").arg(shown->steps.back().epoch).arg(shown->plannedEpochs);
}

}  // namespace bitlathe::ui
