#include "ui/panels/runs_panel.h"

#include "core/types/error.h"
#include "experiments/recipes/resume_run.h"
#include "ui/document/layer_title.h"
#include "ui/document/trained_runs.h"
#include "ui/models/run_table_model.h"
#include "ui/models/run_text.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QFileDialog>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMessageBox>
#include <QPushButton>
#include <QStackedWidget>
#include <QTableView>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace bitlathe::ui {

using experiments::RunId;
using experiments::RunStatus;

namespace {

constexpr int kPollIntervalMs = 500;

constexpr std::array kStatuses{RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed,
                               RunStatus::Cancelled, RunStatus::Interrupted};

}  // namespace

RunsPanel::RunsPanel(QWidget* parent) : QWidget(parent) {
    m_model = new RunTableModel(this);
    connect(m_model, &RunTableModel::failed, this, &RunsPanel::failed);
    connect(m_model, &RunTableModel::countsChanged, this, &RunsPanel::updateState);

    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    buildTable();
    buildActions();
    buildToolRow();

    m_empty = newEmptyStateLabel(this);
    m_stack = new QStackedWidget(this);
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_table);
    layout->addWidget(m_stack, 1);

    m_poll = new QTimer(this);
    m_poll->setInterval(kPollIntervalMs);
    connect(m_poll, &QTimer::timeout, m_model, &RunTableModel::refreshIfChanged);
    updateState();
}

void RunsPanel::buildTable() {
    m_table = newPanelTable(tr("Runs"), this);
    m_table->setModel(m_model);
    m_table->setEditTriggers(QAbstractItemView::EditKeyPressed);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(RunTableModel::Started, Qt::DescendingOrder);
    // Widths that fit the longest usual text, so that reading more rows moves nothing.
    const QFontMetrics metrics = m_table->fontMetrics();
    const auto setWidth = [&](int column, const QString& sample) {
        m_table->setColumnWidth(column, metrics.horizontalAdvance(sample) + 18);
    };
    setWidth(RunTableModel::Name, QStringLiteral("W4A8 per channel"));
    setWidth(RunTableModel::Recipe, QStringLiteral("demo recip"));
    setWidth(RunTableModel::Status, tr("interrupted") + QStringLiteral("WW"));
    setWidth(RunTableModel::Top1, tr("%1 (n 10,000)").arg(QStringLiteral("91.18 % ± 0.56")));
    setWidth(RunTableModel::Rom, QStringLiteral("1,023 KiB"));
    setWidth(RunTableModel::Ram, QStringLiteral("1,023 KiB"));
    setWidth(RunTableModel::WeightBits,
             m_model->headerData(RunTableModel::WeightBits, Qt::Horizontal, Qt::DisplayRole).toString());
    setWidth(RunTableModel::ActivationBits,
             m_model->headerData(RunTableModel::ActivationBits, Qt::Horizontal, Qt::DisplayRole).toString());
    setWidth(RunTableModel::DeviceFit,
             tr("too big for %1").arg(QStringLiteral("stm32f411re")) + QStringLiteral("WWW"));
    setWidth(RunTableModel::Started, QStringLiteral("2026-11-21 12:03:09"));
    setWidth(RunTableModel::Duration, QStringLiteral("10:02:41"));
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &RunsPanel::selectionChanged);
    connect(m_table, &QTableView::doubleClicked, this,
            [this](const QModelIndex& index) { Q_EMIT detailsRequested(m_model->recordAt(index.row()).id); });
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
}

QAction* RunsPanel::addAction(const QString& text, const QKeySequence& shortcut) {
    auto* const action = new QAction(text, m_table);
    action->setShortcut(shortcut);
    action->setShortcutContext(Qt::WidgetShortcut);
    m_table->addAction(action);
    return action;
}

void RunsPanel::buildActions() {
    const auto addForOne = [this](const QString& text, const QKeySequence& shortcut,
                                  void (RunsPanel::*request)(RunId)) {
        QAction* const action = addAction(text, shortcut);
        connect(action, &QAction::triggered, this, [this, request] {
            if (const std::vector<RunId> ids = selectedRuns(); ids.size() == 1) {
                (this->*request)(ids.front());
            }
        });
        m_singleActions.push_back(action);
        return action;
    };
    const auto addSeparator = [this] {
        auto* const separator = new QAction(m_table);
        separator->setSeparator(true);
        m_table->addAction(separator);
    };
    addForOne(tr("Details"), Qt::Key_Return, &RunsPanel::detailsRequested);
    addForOne(tr("Open recipe"), {}, &RunsPanel::openRecipeRequested);
    m_openTrained = addForOne(tr("Open trained model"), {}, &RunsPanel::openTrainedRequested);
    addForOne(tr("Rerun"), {}, &RunsPanel::rerunRequested);
    m_resume = addForOne(tr("Resume training"), {}, &RunsPanel::resumeRequested);
    addForOne(tr("Export model…"), {}, &RunsPanel::exportRequested);
    addForOne(tr("Integer report"), {}, &RunsPanel::integerReportRequested);
    m_compare = addAction(tr("Compare"));
    connect(m_compare, &QAction::triggered, this, &RunsPanel::showComparisonRequested);
    addSeparator();
    QAction* const rename = addAction(tr("Rename"), Qt::Key_F2);
    connect(rename, &QAction::triggered, this,
            [this] { m_table->edit(m_table->currentIndex().siblingAtColumn(RunTableModel::Name)); });
    m_singleActions.push_back(rename);
    connect(addAction(tr("Copy"), QKeySequence::Copy), &QAction::triggered, this, &RunsPanel::copySelection);
    addSeparator();
    m_remove = addAction(tr("Delete…"), QKeySequence::Delete);
    connect(m_remove, &QAction::triggered, this, &RunsPanel::removeSelected);
}

void RunsPanel::buildToolRow() {
    auto* const row = newToolRow(*static_cast<QVBoxLayout*>(layout()));
    m_search = newSearchEdit(tr("Search name, recipe or model"), this);
    connect(m_search, &QLineEdit::textChanged, this, &RunsPanel::applyFilter);
    row->addWidget(m_search, 1);

    m_status = new QComboBox(this);
    m_status->setAccessibleName(tr("Status of the runs shown"));
    m_status->addItem(tr("Any status"), -1);
    for (const RunStatus status : kStatuses) {
        m_status->addItem(statusIcon(statusGlyph(status)), statusText(status), static_cast<int>(status));
    }
    connect(m_status, &QComboBox::currentIndexChanged, this, &RunsPanel::applyFilter);
    row->addWidget(m_status);

    m_count = newCaption(this);
    row->addWidget(m_count);
    row->addStretch();
    m_compareButton = newToolButton(tr("Compare"), tr("Show two or more selected runs side by side"), this);
    connect(m_compareButton, &QToolButton::clicked, this, &RunsPanel::showComparisonRequested);
    row->addWidget(m_compareButton);
    m_exportButton = newToolButton(tr("Export CSV…"), tr("Write the runs shown to a file"), this);
    connect(m_exportButton, &QToolButton::clicked, this, &RunsPanel::exportCsv);
    row->addWidget(m_exportButton);
}

void RunsPanel::setLog(std::shared_ptr<experiments::ExperimentLog> log) {
    m_hasLog = log != nullptr;
    m_log = log;
    m_model->setLog(std::move(log));
    updateState();
}

void RunsPanel::applyFilter() {
    const int status = m_status->currentData().toInt();
    m_model->setFilter(m_search->text(),
                       status < 0 ? std::nullopt : std::optional(static_cast<RunStatus>(status)));
}

void RunsPanel::updateState() {
    if (m_stack == nullptr) {
        return;
    }
    m_count->setText(summary());
    m_exportButton->setEnabled(m_model->rowCount() > 0);
    if (!m_hasLog) {
        m_empty->setText(tr("The experiment log is not open.\nThe Log panel says why."));
    } else if (m_model->hasFilter()) {
        m_empty->setText(tr("No run matches.\nClear the search or choose “Any status”."));
    } else {
        m_empty->setText(tr("No runs yet.\nPress F9 to run the recipe, Evaluate (F8) or Train… (F5) for the "
                            "configuration on the "
                            "bench: every result is kept here."));
    }
    m_stack->setCurrentWidget(m_model->rowCount() > 0 ? static_cast<QWidget*>(m_table) : m_empty);
    selectionChanged();
    Q_EMIT summaryChanged();
}

QString RunsPanel::summary() const {
    if (!m_hasLog) {
        return {};
    }
    const QString total = runCountText(m_model->totalCount());
    return m_model->hasFilter() ? tr("%1 of %2").arg(groupedNumber(m_model->matchCount()), total) : total;
}

std::vector<RunId> RunsPanel::selectedRuns() const {
    QModelIndexList rows = m_table->selectionModel()->selectedRows();
    std::sort(rows.begin(), rows.end());
    std::vector<RunId> ids;
    for (const QModelIndex& row : rows) {
        ids.push_back(RunId{row.data(RunTableModel::RunIdRole).toLongLong()});
    }
    return ids;
}

void RunsPanel::selectionChanged() {
    const std::vector<RunId> ids = selectedRuns();
    for (QAction* const action : m_singleActions) {
        action->setEnabled(ids.size() == 1);
    }
    refreshTrainingActions();
    m_compare->setEnabled(ids.size() >= 2);
    m_compareButton->setEnabled(ids.size() >= 2);
    m_remove->setEnabled(!ids.empty());
    if (ids.size() >= 2 && ids != m_compared) {
        Q_EMIT compareRequested(ids);
    }
    m_compared = ids;
}

/// Looked up in the log for the one selected run: few rows, so it may be asked on every selection.
void RunsPanel::refreshTrainingActions() {
    bool canOpen = false;
    bool canResume = false;
    const QModelIndexList rows = m_table->selectionModel()->selectedRows();
    if (m_log && rows.size() == 1) {
        const experiments::RunRecord run = m_model->recordAt(rows.front().row());
        try {
            canOpen = hasTrainedModel(*m_log, run.id);
            canResume = experiments::isResumable(*m_log, run);
        } catch (const core::Error&) {
            canOpen = canResume = false;  // the next refresh says what is wrong with the log
        }
    }
    m_openTrained->setEnabled(canOpen);
    m_resume->setEnabled(canResume);
}

void RunsPanel::refresh() {
    m_model->refresh();
}

void RunsPanel::focusSearch() {
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

QString RunsPanel::selectionAsText() const {
    QModelIndexList selected = m_table->selectionModel()->selectedRows();
    std::sort(selected.begin(), selected.end());
    std::vector<QStringList> rows;
    for (const QModelIndex& index : selected) {
        rows.push_back(RunTableModel::exportCells(m_model->recordAt(index.row())));
    }
    return tableText(RunTableModel::exportHeader(), rows, TextTable::TabSeparated);
}

void RunsPanel::copySelection() const {
    QGuiApplication::clipboard()->setText(selectionAsText());
}

void RunsPanel::exportCsv() {
    const QString path = QFileDialog::getSaveFileName(this, tr("Export runs"), QStringLiteral("runs.csv"),
                                                      tr("Comma-separated values (*.csv)"));
    if (!path.isEmpty()) {
        writeCsv(path);
    }
}

bool RunsPanel::writeCsv(const QString& path) {
    m_model->fetchAll();
    std::vector<QStringList> rows;
    for (int row = 0; row < m_model->rowCount(); ++row) {
        rows.push_back(RunTableModel::exportCells(m_model->recordAt(row)));
    }
    QString reason;
    if (writeTextFile(path, tableText(RunTableModel::exportHeader(), rows, TextTable::CommaSeparated),
                      reason)) {
        return true;
    }
    Q_EMIT failed(reason);
    return false;
}

void RunsPanel::removeSelected() {
    const std::vector<RunId> ids = selectedRuns();
    if (ids.empty()) {
        return;
    }
    const QString what = ids.size() == 1
                             ? tr("Delete the run “%1”?")
                                   .arg(m_table->selectionModel()->selectedRows().first().data().toString())
                             : tr("Delete %1?").arg(runCountText(static_cast<qint64>(ids.size())));
    QMessageBox question(QMessageBox::Question, tr("Delete runs"), what, QMessageBox::Cancel, this);
    question.setInformativeText(tr("Their figures, checkpoints and trained models leave the experiment log "
                                   "for good. Files they exported stay where they are."));
    QPushButton* const remove = question.addButton(tr("Delete"), QMessageBox::DestructiveRole);
    question.setDefaultButton(QMessageBox::Cancel);
    question.exec();
    if (question.clickedButton() == static_cast<QAbstractButton*>(remove)) {
        m_model->remove(ids);
    }
}

void RunsPanel::showEvent(QShowEvent* event) {
    m_model->refreshIfChanged();
    m_poll->start();
    QWidget::showEvent(event);
}

void RunsPanel::hideEvent(QHideEvent* event) {
    m_poll->stop();
    QWidget::hideEvent(event);
}

}  // namespace bitlathe::ui
