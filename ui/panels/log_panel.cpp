#include "ui/panels/log_panel.h"

#include "ui/models/log_filter_model.h"
#include "ui/panels/panel_parts.h"

#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitlathe::ui {

LogPanel::LogPanel(LogModel& model, QWidget* parent) : QWidget(parent), m_model(model) {
    m_filter = new LogFilterModel(this);
    m_filter->setSourceModel(&m_model);
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    buildToolRow();
    buildTable();

    m_empty = newEmptyStateLabel(this);
    m_stack = new QStackedWidget(this);
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_table);
    layout->addWidget(m_stack, 1);

    connect(m_filter, &QAbstractItemModel::rowsInserted, this, &LogPanel::followNewest);
    for (const auto signal : {&QAbstractItemModel::rowsInserted, &QAbstractItemModel::rowsRemoved}) {
        connect(m_filter, signal, this, &LogPanel::updateEmptyState);
        connect(&m_model, signal, this, &LogPanel::updateEmptyState);
    }
    updateEmptyState();
}

void LogPanel::buildToolRow() {
    auto* const row = newToolRow(*static_cast<QVBoxLayout*>(layout()));

    m_level = new QComboBox(this);
    m_level->setAccessibleName(tr("Lowest level shown"));
    m_level->addItem(tr("All levels"), static_cast<int>(LogLevel::Debug));
    m_level->addItem(tr("Info and above"), static_cast<int>(LogLevel::Info));
    m_level->addItem(tr("Warnings and errors"), static_cast<int>(LogLevel::Warning));
    m_level->addItem(tr("Errors"), static_cast<int>(LogLevel::Error));
    connect(m_level, &QComboBox::currentIndexChanged, this, [this] {
        m_filter->setLowestLevel(static_cast<LogLevel>(m_level->currentData().toInt()));
        updateEmptyState();
        followNewest();
    });
    row->addWidget(m_level);

    m_search = newSearchEdit(tr("Search log"), this);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_filter->setText(text);
        updateEmptyState();
        followNewest();
    });
    row->addWidget(m_search, 1);

    m_follow = new QCheckBox(tr("&Follow"), this);
    m_follow->setToolTip(
        tr("Keep the newest line in view; scrolling up switches this off, scrolling to the end on again"));
    m_follow->setChecked(true);
    connect(m_follow, &QCheckBox::toggled, this, &LogPanel::followNewest);
    row->addWidget(m_follow);

    auto* const copy = newToolButton(tr("Copy"), tr("Copy the selected lines, or all shown (Ctrl+C)"), this);
    connect(copy, &QToolButton::clicked, this, &LogPanel::copySelection);
    row->addWidget(copy);
    auto* const clear =
        newToolButton(tr("Clear"), tr("Empty this list; files and the console keep their lines"), this);
    connect(clear, &QToolButton::clicked, &m_model, &LogModel::clear);
    row->addWidget(clear);
}

void LogPanel::buildTable() {
    m_table = newPanelTable(tr("Log"), this);
    m_table->setModel(m_filter);
    m_table->verticalHeader()->setDefaultSectionSize(m_table->fontMetrics().height() + 4);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->horizontalHeader()->setSectionsMovable(false);
    const QFontMetrics metrics = m_table->fontMetrics();
    m_table->setColumnWidth(LogModel::Time, metrics.horizontalAdvance(QStringLiteral("00:00:00.000")) + 20);
    m_table->setColumnWidth(LogModel::Level,
                            metrics.horizontalAdvance(LogModel::levelName(LogLevel::Warning)) + 20);

    auto* const copy = new QAction(tr("Copy"), m_table);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this, &LogPanel::copySelection);
    m_table->addAction(copy);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    connect(m_table->verticalScrollBar(), &QScrollBar::valueChanged, this, &LogPanel::watchScrolling);
}

void LogPanel::updateEmptyState() {
    const bool hasLines = m_filter->rowCount() > 0;
    m_empty->setText(
        m_model.rowCount() == 0
            ? tr("Nothing logged yet.\nMessages of jobs, imports and exports will appear here.")
            : tr("No line matches.\nChoose “All levels” or clear the search to see all %1 lines.")
                  .arg(m_model.rowCount()));
    m_stack->setCurrentWidget(hasLines ? static_cast<QWidget*>(m_table) : m_empty);
}

void LogPanel::followNewest() {
    if (m_follow->isChecked()) {
        m_table->scrollToBottom();
    }
}

void LogPanel::watchScrolling(int value) {
    // New lines raise the maximum and leave the value: only a person moves it away from the end, or back to
    // it.
    m_follow->setChecked(value >= m_table->verticalScrollBar()->maximum());
}

QString LogPanel::selectedText() const {
    QModelIndexList rows = m_table->selectionModel()->selectedRows();
    if (rows.isEmpty()) {
        for (int row = 0; row < m_filter->rowCount(); ++row) {
            rows.append(m_filter->index(row, 0));
        }
    }
    std::sort(rows.begin(), rows.end());
    QStringList lines;
    for (const QModelIndex& row : rows) {
        lines.append(LogModel::plainText(m_model.lineAt(m_filter->mapToSource(row).row())));
    }
    return lines.join(QLatin1Char('\n'));
}

void LogPanel::copySelection() const {
    QGuiApplication::clipboard()->setText(selectedText());
}

void LogPanel::focusSearch() {
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

}  // namespace bitlathe::ui
