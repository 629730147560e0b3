#include "ui/panels/jobs_panel.h"

#include "plots/training_curve_plot.h"
#include "ui/models/job_queue_model.h"
#include "ui/models/run_text.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QClipboard>
#include <QFrame>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QProgressBar>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

using experiments::JobId;
using experiments::JobInfo;
using experiments::JobRunner;
using experiments::JobState;

namespace {

/// Steps of the bar; a stage's own unit may be anything from one file to a million images.
constexpr int kBarSteps = 1000;

constexpr int kCurveHeight = 84;
constexpr int kRoomForCurve = 360;
constexpr int kRoomForBoth = 250;

/// The rows without the running job.
class QueueFilter final : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
        const auto state = static_cast<JobState>(
            sourceModel()->index(row, 0, parent).data(JobQueueModel::StateRole).toInt());
        return state == JobState::Waiting || isFinished(state);
    }
};

/// What the job is in the first line, where it stands in the second: side by side a dock as wide as this one would
/// cut both.
class JobDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const QPalette::ColorGroup group =
            option.state.testFlag(QStyle::State_Enabled) ? QPalette::Active : QPalette::Disabled;
        painter->save();
        if (option.state.testFlag(QStyle::State_Selected)) {
            painter->fillRect(option.rect, option.palette.brush(group, QPalette::Highlight));
        }
        const QRect cell = option.rect.adjusted(kPadding, 3, -kPadding, -3);
        const int middle = cell.center().y();
        const auto line = [&](const QRect& rect, const QModelIndex& from, const QColor& color) {
            painter->setPen(color);
            painter->drawText(
                rect, Qt::AlignVCenter | Qt::AlignLeft,
                option.fontMetrics.elidedText(from.data().toString(), Qt::ElideRight, rect.width()));
        };
        const QModelIndex detail = index.siblingAtColumn(JobQueueModel::Detail);
        const QVariant ink = detail.data(Qt::ForegroundRole);
        painter->setFont(option.font);
        line(QRect(cell.topLeft(), QPoint(cell.right(), middle)), index,
             option.palette.color(group, QPalette::Text));
        line(QRect(QPoint(cell.left(), middle + 1), cell.bottomRight()), detail,
             ink.isValid() ? ink.value<QColor>() : option.palette.color(group, QPalette::PlaceholderText));
        painter->restore();
    }

private:
    static constexpr int kPadding = 6;
};

QFont boldened(QFont font) {
    font.setWeight(QFont::DemiBold);
    return font;
}

}  // namespace

JobsPanel::JobsPanel(JobRunner& runner, QWidget* parent) : QWidget(parent), m_runner(runner) {
    m_model = new JobQueueModel(runner, this);
    m_queue = new QueueFilter(this);
    m_queue->setSourceModel(m_model);

    auto* const jobs = new QWidget(this);
    m_jobsLayout = new QVBoxLayout(jobs);
    m_jobsLayout->setContentsMargins({});
    m_jobsLayout->setSpacing(0);
    m_card = newRunningCard();
    m_jobsLayout->addWidget(m_card);
    m_queueArea = newQueueArea();
    m_jobsLayout->addWidget(m_queueArea, 1);
    m_jobsLayout->addStretch();

    m_empty = newEmptyStateLabel(this);
    m_empty->setText(
        tr("No jobs.\nOpen a model, then Calibrate, Evaluate or Run recipe: the work appears here and can be "
           "cancelled at any time."));
    m_stack = new QStackedWidget(this);
    m_stack->addWidget(m_empty);
    m_stack->addWidget(jobs);
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->addWidget(m_stack);

    connect(&runner, &JobRunner::jobAdded, this, &JobsPanel::refresh);
    connect(&runner, &JobRunner::jobChanged, this, &JobsPanel::refresh);
    connect(&runner, &JobRunner::queueChanged, this, &JobsPanel::refresh);
    connect(&runner, &JobRunner::progressChanged, this, &JobsPanel::refreshRunning);
    connect(&runner, &JobRunner::epochFinished, this, &JobsPanel::refreshRoom);
    refresh();
}

QFrame* JobsPanel::newRunningCard() {
    auto* const card = new QFrame(this);
    auto* const layout = new QVBoxLayout(card);
    layout->setContentsMargins(10, 8, 10, 8);
    layout->setSpacing(5);

    m_name = new QLabel(card);
    m_name->setFont(boldened(m_name->font()));
    m_name->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(m_name);
    m_stage = newCaption(card);
    layout->addWidget(m_stage);
    // Long names wrap instead of widening the panel.
    for (QLabel* const label : {m_name, m_stage}) {
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
        label->setTextFormat(Qt::PlainText);
        label->setWordWrap(true);
    }
    m_bar = new QProgressBar(card);
    m_bar->setAccessibleName(tr("Progress of this stage"));
    m_bar->setTextVisible(false);
    m_bar->setFixedHeight(6);
    layout->addWidget(m_bar);

    auto* const bottom = new QHBoxLayout;
    m_cost = newCaption(card);
    m_cost->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_cost->setWordWrap(true);
    bottom->addWidget(m_cost, 1);
    m_cancel = newToolButton(tr("Cancel"), tr("Stop this job at its next batch (Shift+F9)"), card);
    connect(m_cancel, &QToolButton::clicked, this, &JobsPanel::cancelRunning);
    bottom->addWidget(m_cancel);
    layout->addLayout(bottom);

    m_curve = new plots::TrainingCurvePlot(card);
    m_curve->setMinimumHeight(kCurveHeight);
    layout->addWidget(m_curve, 1);
    return card;
}

QWidget* JobsPanel::newQueueArea() {
    auto* const area = new QWidget(this);
    auto* const layout = new QVBoxLayout(area);
    layout->setContentsMargins({});
    layout->setSpacing(0);

    m_table = newPanelTable(tr("Waiting and finished jobs"), area);
    m_table->setModel(m_queue);
    // A narrow dock cuts the long texts, never the state or the time.
    const QFontMetrics metrics = m_table->fontMetrics();
    m_table->setColumnWidth(JobQueueModel::State,
                            metrics.horizontalAdvance(jobStateText(JobState::Cancelled)) + 40);
    m_table->setColumnWidth(JobQueueModel::Time, metrics.horizontalAdvance(QStringLiteral("10:02:41")) + 16);
    m_table->horizontalHeader()->setSectionResizeMode(JobQueueModel::Name, QHeaderView::Stretch);
    m_table->setColumnHidden(JobQueueModel::Detail, true);
    m_table->setItemDelegateForColumn(JobQueueModel::Name, new JobDelegate(m_table));
    m_table->verticalHeader()->setDefaultSectionSize(2 * metrics.height() + 10);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);

    m_cancelSelected = addTableAction(tr("Cancel"), QKeySequence::Delete);
    connect(m_cancelSelected, &QAction::triggered, this, &JobsPanel::cancelSelected);
    m_moveUp = addTableAction(tr("Run earlier"), Qt::ALT | Qt::Key_Up);
    connect(m_moveUp, &QAction::triggered, this, [this] { moveSelected(-1); });
    m_moveDown = addTableAction(tr("Run later"), Qt::ALT | Qt::Key_Down);
    m_moveUp->setIconText(tr("Earlier"));  // on the buttons, which a narrow dock has little room for
    m_moveDown->setIconText(tr("Later"));
    connect(m_moveDown, &QAction::triggered, this, [this] { moveSelected(1); });
    connect(addTableAction(tr("Copy"), QKeySequence::Copy), &QAction::triggered, this,
            &JobsPanel::copySelection);

    auto* const tools = newToolRow(*layout);
    for (QAction* const action : {m_cancelSelected, m_moveUp, m_moveDown}) {
        auto* const button = newToolButton(action->text(), action->text(), area);
        button->setDefaultAction(action);
        tools->addWidget(button);
    }
    tools->addStretch();
    m_clear = newToolButton(tr("Clear"), tr("Forget finished jobs; their runs stay in the log"), area);
    connect(m_clear, &QToolButton::clicked, &m_runner, &JobRunner::clearFinished);
    tools->addWidget(m_clear);
    layout->addWidget(m_table, 1);

    m_message = new QLabel(area);
    m_message->setTextFormat(Qt::PlainText);
    m_message->setWordWrap(true);
    m_message->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_message->setContentsMargins(10, 6, 10, 8);
    m_message->setAccessibleName(tr("Message of the selected job"));
    layout->addWidget(m_message);

    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
        refreshQueueTools();
        showMessageOfSelection();
    });
    return area;
}

QAction* JobsPanel::addTableAction(const QString& text, const QKeySequence& shortcut) {
    auto* const action = new QAction(text, m_table);
    action->setShortcut(shortcut);
    action->setShortcutContext(Qt::WidgetShortcut);
    action->setToolTip(tr("%1 (%2)").arg(text, shortcut.toString(QKeySequence::NativeText)));
    m_table->addAction(action);
    return action;
}

const JobInfo* JobsPanel::runningJob() const {
    for (const JobId id : m_runner.jobs()) {
        const JobInfo* const job = m_runner.find(id);
        if (job->state == JobState::Running || job->state == JobState::Cancelling) {
            return job;
        }
    }
    return nullptr;
}

void JobsPanel::refresh() {
    m_stack->setCurrentIndex(m_runner.jobs().empty() ? 0 : 1);
    refreshRunning();
    refreshRoom();
    refreshQueueTools();
    showMessageOfSelection();
    Q_EMIT summaryChanged();
}

void JobsPanel::refreshRunning() {
    const JobInfo* const job = runningJob();
    m_card->setVisible(job != nullptr);
    if (job == nullptr) {
        return;
    }
    m_name->setText(tr("%1: %2").arg(jobKindText(job->kind), QString::fromStdString(job->name)));
    m_name->setToolTip(m_name->text());
    const QString stage = stageText(job->progress);
    m_stage->setText(job->state == JobState::Cancelling ? tr("cancelling at the next batch… · %1").arg(stage)
                     : stage.isEmpty()                  ? tr("starting…")
                                                        : stage);
    m_stage->setToolTip(m_stage->text());
    const std::optional<double> fraction = job->progress.fraction();
    m_bar->setRange(0, fraction ? kBarSteps : 0);  // an empty range shows that there is no telling
    m_bar->setValue(fraction ? static_cast<int>(*fraction * kBarSteps) : 0);
    m_cost->setText(costText(job->progress));
    m_cost->setToolTip(tr("%1\nTime left of this stage, time since the start, memory of the whole program")
                           .arg(m_cost->text()));
    m_cancel->setEnabled(job->state == JobState::Running);
    m_cancel->setText(job->state == JobState::Running ? tr("Cancel") : tr("Cancelling…"));
}

void JobsPanel::refreshCurve() {
    const JobInfo* const job = runningJob();
    const bool hasEpochs = job != nullptr && !job->epochs.empty();
    // A low dock keeps its height for the queue: the Training panel has the same curve.
    const bool isShown = hasEpochs && height() >= kRoomForCurve;
    m_curve->setVisible(isShown);
    m_jobsLayout->setStretchFactor(m_card, isShown ? 1 : 0);
    std::vector<plots::TrainingPoint> points;
    if (job != nullptr) {
        for (const core::EpochReport& epoch : job->epochs) {
            points.push_back(
                {static_cast<double>(epoch.epoch), epoch.trainLoss, epoch.measured().top1Percent()});
        }
    }
    m_curve->setPlannedEpochs(job != nullptr && job->plannedEpochs > 0
                                  ? std::optional<double>(static_cast<double>(job->plannedEpochs))
                                  : std::nullopt);
    m_curve->setPoints(std::move(points));
}

void JobsPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    refreshRoom();
}

/// What the dock's height is given to: the running job first, then jobs that wait, finished ones, its curve.
void JobsPanel::refreshRoom() {
    const bool hasRoom = runningJob() == nullptr || height() >= kRoomForBoth || m_runner.waitingCount() > 0;
    m_queueArea->setVisible(m_queue->rowCount() > 0 && hasRoom);
    refreshCurve();
}

std::vector<JobId> JobsPanel::selectedJobs() const {
    std::vector<JobId> ids;
    for (const QModelIndex& index : m_table->selectionModel()->selectedRows()) {
        ids.push_back(JobId{index.data(JobQueueModel::JobIdRole).toLongLong()});
    }
    return ids;
}

void JobsPanel::refreshQueueTools() {
    const std::vector<JobId> selected = selectedJobs();
    const auto isWaiting = [&](JobId id) {
        const JobInfo* const job = m_runner.find(id);
        return job != nullptr && job->state == JobState::Waiting;
    };
    const bool hasWaiting = std::any_of(selected.begin(), selected.end(), isWaiting);
    m_cancelSelected->setEnabled(hasWaiting);
    m_moveUp->setEnabled(hasWaiting && selected.size() == 1);
    m_moveDown->setEnabled(hasWaiting && selected.size() == 1);
    const std::vector<JobId> jobs = m_runner.jobs();
    m_clear->setEnabled(std::any_of(jobs.begin(), jobs.end(),
                                    [&](JobId id) { return isFinished(m_runner.find(id)->state); }));
}

void JobsPanel::showMessageOfSelection() {
    const std::vector<JobId> selected = selectedJobs();
    const JobInfo* const job = selected.size() == 1 ? m_runner.find(selected.front()) : nullptr;
    m_message->setText(job == nullptr ? QString() : QString::fromStdString(job->outcome.text));
    m_message->setVisible(!m_message->text().isEmpty());
}

void JobsPanel::cancelRunning() {
    if (const JobInfo* const job = runningJob()) {
        m_runner.cancel(job->id);
    }
}

void JobsPanel::cancelSelected() {
    for (const JobId id : selectedJobs()) {
        m_runner.cancel(id);
    }
}

void JobsPanel::moveSelected(int direction) {
    const std::vector<JobId> selected = selectedJobs();
    if (selected.size() == 1) {
        m_runner.moveWaiting(selected.front(), direction);
    }
}

void JobsPanel::copySelection() const {
    QStringList header;
    for (int column = 0; column < m_queue->columnCount(); ++column) {
        header.append(m_queue->headerData(column, Qt::Horizontal).toString());
    }
    std::vector<QStringList> rows;
    for (const JobId id : selectedJobs()) {
        const int row = m_model->rowOf(id);
        QStringList cells;
        for (int column = 0; column < m_model->columnCount(); ++column) {
            cells.append(m_model->index(row, column).data().toString());
        }
        // The whole message, not its first line.
        const JobInfo* const job = m_runner.find(id);
        if (job != nullptr && !job->outcome.text.empty()) {
            cells[JobQueueModel::Detail] = QString::fromStdString(job->outcome.text);
        }
        rows.push_back(cells);
    }
    QGuiApplication::clipboard()->setText(tableText(header, rows, TextTable::TabSeparated));
}

QString JobsPanel::summary() const {
    const int waiting = m_runner.waitingCount();
    if (!m_runner.isBusy()) {
        return {};
    }
    return waiting == 0 ? tr("%1 running").arg(m_runner.runningCount())
                        : tr("%1 running, %2 waiting").arg(m_runner.runningCount()).arg(waiting);
}

}  // namespace bitlathe::ui
