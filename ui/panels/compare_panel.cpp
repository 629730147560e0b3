#include "ui/panels/compare_panel.h"

#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "plots/compare_bars_plot.h"
#include "plots/series_plot.h"
#include "ui/models/run_text.h"
#include "ui/models/training_points.h"
#include "ui/panels/panel_parts.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <set>

namespace bitlathe::ui {

using experiments::RunId;

namespace {

constexpr double kDefaultThresholdDb = 0.5;
constexpr int kRoomForTwoTables = 1040;

plots::CompareRun barsOf(const experiments::RunRecord& run) {
    namespace metric = experiments::metric;
    const auto value = [&](const char* name) {
        const core::Metric* const found = findMetric(run, name);
        return found == nullptr ? std::nullopt : std::optional(found->value);
    };
    const auto bytes = [&](const char* name) {
        const std::optional<double> found = value(name);
        return found ? std::optional<qint64>(std::llround(*found)) : std::nullopt;
    };
    plots::CompareRun bars;
    bars.id = run.id.value;
    bars.name = QString::fromStdString(run.what.name);
    bars.accuracyPercent = value(metric::kTop1);
    if (const core::Metric* const top1 = findMetric(run, metric::kTop1)) {
        bars.samples = top1->samples;
        if (top1->lower95 && top1->upper95) {
            bars.accuracy95 = core::Range{*top1->lower95, *top1->upper95};
        }
    }
    bars.weightBits = value(metric::kMeanWeightBits);
    bars.activationBits = value(metric::kMeanActivationBits);
    bars.romBytes = bytes(metric::kRomBytes);
    bars.ramBytes = bytes(metric::kRamBytes);
    return bars;
}

/// What the proxy shows, as rows of cells.
std::vector<QStringList> shownRows(const QAbstractItemModel& model) {
    std::vector<QStringList> rows;
    for (int row = 0; row < model.rowCount(); ++row) {
        QStringList cells;
        for (int column = 0; column < model.columnCount(); ++column) {
            cells.append(model.index(row, column).data().toString());
        }
        rows.push_back(cells);
    }
    return rows;
}

/// Columns as wide as what they hold, within reason.
void fitColumns(QTableView& table) {
    const int widest = table.fontMetrics().averageCharWidth() * 34;
    table.resizeColumnsToContents();
    for (int column = 0; column < table.model()->columnCount(); ++column) {
        table.setColumnWidth(column, std::min(widest, table.columnWidth(column) + 2));
    }
}

}  // namespace

ComparePanel::ComparePanel(QWidget* parent) : QWidget(parent) {
    auto* const content = new QWidget(this);
    auto* const contentLayout = new QVBoxLayout(content);
    contentLayout->setContentsMargins({});
    contentLayout->setSpacing(0);

    m_empty = newEmptyStateLabel(this);
    m_empty->setText(tr(
        "Nothing to compare yet.\nSelect two or more runs in the Runs panel (Ctrl+click or Shift+click): the "
        "first one shown there is the baseline."));
    m_stack = new QStackedWidget(this);
    m_stack->addWidget(m_empty);
    m_stack->addWidget(content);
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->addWidget(m_stack);

    auto* const tools = newToolRow(*contentLayout);
    auto* const baselineLabel = new QLabel(tr("&Baseline"), content);
    m_baseline = new QComboBox(content);
    m_baseline->setAccessibleName(tr("Baseline"));
    m_baseline->setToolTip(tr("The run the others are measured against"));
    m_baseline->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    baselineLabel->setBuddy(m_baseline);
    connect(m_baseline, &QComboBox::activated, this, &ComparePanel::chooseBaseline);
    tools->addWidget(baselineLabel);
    tools->addWidget(m_baseline);

    m_differencesOnly = new QCheckBox(tr("&Differences only"), content);
    m_differencesOnly->setChecked(true);
    connect(m_differencesOnly, &QCheckBox::toggled, this, &ComparePanel::setDifferencesOnly);
    tools->addWidget(m_differencesOnly);

    auto* const thresholdLabel = new QLabel(tr("Hide SQNR changes &below"), content);
    m_threshold = new QDoubleSpinBox(content);
    m_threshold->setAccessibleName(tr("Hide SQNR changes below"));
    m_threshold->setRange(0, 60);
    m_threshold->setSingleStep(0.5);
    m_threshold->setDecimals(1);
    m_threshold->setSuffix(tr(" dB"));
    m_threshold->setValue(kDefaultThresholdDb);
    thresholdLabel->setBuddy(m_threshold);
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &ComparePanel::setThresholdDb);
    tools->addWidget(thresholdLabel);
    tools->addWidget(m_threshold);
    tools->addStretch();
    m_export = newToolButton(tr("Export CSV…"), tr("Write both tables as they are shown"), content);
    connect(m_export, &QToolButton::clicked, this, &ComparePanel::exportCsv);
    tools->addWidget(m_export);

    auto* const splitter = new QSplitter(Qt::Horizontal, content);
    splitter->setChildrenCollapsible(false);
    splitter->addWidget(newRunArea());
    m_layerArea = newTableArea(tr("Layers"), m_layerModel, m_layerFilter, m_layerTable, m_layerCaption);
    splitter->addWidget(m_layerArea);
    // The proportions hold whatever the chart or a table would like.
    for (int i = 0; i < splitter->count(); ++i) {
        splitter->widget(i)->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Expanding);
        splitter->widget(i)->setMinimumWidth(240);
    }
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    connect(splitter, &QSplitter::splitterMoved, this, [this] { m_isSplitByHand = true; });
    m_splitter = splitter;
    contentLayout->addWidget(splitter, 1);
    m_summaryTable->setColumnHidden(CompareModel::Layer, true);
    m_layerModel->setShortHeaders(true);
    m_layerFilter->setThresholdDb(kDefaultThresholdDb);
}

QWidget* ComparePanel::newTableArea(const QString& name, CompareModel*& model, CompareFilterModel*& filter,
                                    QTableView*& table, QLabel*& caption) {
    auto* const area = new QWidget(this);
    auto* const layout = new QVBoxLayout(area);
    layout->setContentsMargins({});
    layout->setSpacing(2);
    caption = newCaption(area);
    caption->setContentsMargins(10, 2, 10, 2);
    layout->addWidget(caption);
    model = new CompareModel(this);
    filter = new CompareFilterModel(this);
    filter->setSourceModel(model);
    table = newPanelTable(name, area);
    table->setModel(filter);
    layout->addWidget(table, 1);
    return area;
}

QWidget* ComparePanel::newRunArea() {
    m_runTabs = new QTabWidget(this);
    QTabWidget* const tabs = m_runTabs;
    tabs->setDocumentMode(true);
    tabs->setAccessibleName(tr("Runs"));
    tabs->addTab(newTableArea(tr("Runs"), m_summaryModel, m_summaryFilter, m_summaryTable, m_summaryCaption),
                 tr("Figures"));
    m_chart = new plots::CompareBarsPlot(tabs);
    auto* const area = new QScrollArea(tabs);
    area->setWidgetResizable(true);
    area->setWidget(m_chart);
    tabs->addTab(area, tr("Chart"));
    m_training = new plots::SeriesPlot(tr("Accuracy by epoch"), tabs);
    m_training->setCaptions(tr("epoch"), tr("test accuracy (%)"));
    m_training->setEmptyText(tr("None of these runs was trained."));
    tabs->addTab(m_training, tr("Training"));
    return tabs;
}

void ComparePanel::setLog(std::shared_ptr<experiments::ExperimentLog> log) {
    m_log = std::move(log);
    compare({});
}

void ComparePanel::compare(const std::vector<RunId>& ids) {
    m_ids = ids;
    read();
    const QSignalBlocker blocker(m_baseline);
    m_baseline->clear();
    for (const ComparedRun& run : m_compared) {
        m_baseline->addItem(QString::fromStdString(run.record.what.name),
                            QVariant::fromValue<qint64>(run.record.id.value));
    }
    showComparison();
}

void ComparePanel::read() {
    m_compared.clear();
    if (!m_log || m_ids.size() < 2) {
        return;
    }
    try {
        for (const RunId id : m_ids) {
            m_compared.push_back(readComparedRun(*m_log, id));
        }
    } catch (const core::Error& error) {
        m_compared.clear();
        Q_EMIT failed(QString::fromUtf8(error.what()));
    }
}

void ComparePanel::chooseBaseline(int index) {
    const RunId id{m_baseline->itemData(index).toLongLong()};
    const auto byId = [&](const ComparedRun& run) { return run.record.id == id; };
    // The others keep their order.
    std::stable_partition(m_compared.begin(), m_compared.end(), byId);
    std::stable_partition(m_ids.begin(), m_ids.end(), [&](RunId each) { return each == id; });
    showComparison();
}

void ComparePanel::showTraining() {
    std::vector<plots::Series> series;
    bool isAnyTrained = false;
    for (const ComparedRun& run : m_compared) {
        plots::Series line{QString::fromStdString(run.record.what.name), {}};
        for (const plots::TrainingPoint& point : trainingPoints(run.steps)) {
            if (point.accuracyPercent) {
                line.points.emplace_back(point.epoch, *point.accuracyPercent);
            }
        }
        isAnyTrained = isAnyTrained || !line.points.empty();
        series.push_back(std::move(line));
    }
    m_training->setSeries(std::move(series));
    m_runTabs->setTabVisible(m_runTabs->indexOf(m_training), isAnyTrained);
}

void ComparePanel::showComparison() {
    m_stack->setCurrentIndex(m_compared.empty() ? 0 : 1);
    std::vector<QString> names;
    for (const ComparedRun& run : m_compared) {
        names.push_back(QString::fromStdString(run.record.what.name));
    }
    const bool hasRuns = !m_compared.empty();
    std::vector<plots::CompareRun> bars;
    for (const ComparedRun& run : m_compared) {
        bars.push_back(barsOf(run.record));
    }
    m_chart->setRuns(std::move(bars));
    showTraining();
    m_summaryModel->setRows(hasRuns ? summaryRows(m_compared) : std::vector<CompareRow>(), names);
    m_layerModel->setRows(hasRuns ? layerRows(m_compared) : std::vector<CompareRow>(), names);
    m_summaryTable->setColumnHidden(CompareModel::Layer, true);
    fitColumns(*m_summaryTable);
    fitColumns(*m_layerTable);
    splitByContent();
    updateCaptions();
    Q_EMIT summaryChanged();
}

/// The figures get the width of their columns, up to two thirds, so that the difference column is not cut; the layers
/// the rest. A place chosen by hand stays.
void ComparePanel::splitByContent() {
    if (m_isSplitByHand || m_splitter->count() < 2) {
        return;
    }
    const int total = m_splitter->width();
    const int wanted = m_summaryTable->horizontalHeader()->length() +
                       m_summaryTable->verticalScrollBar()->sizeHint().width() + 4;
    const int left = std::clamp(wanted, total * 2 / 5, total * 2 / 3);
    m_splitter->setSizes({left, total - left});
}

/// Two tables side by side where both have room, else the layers behind a tab: half a table tells no difference.
void ComparePanel::placeLayers() {
    const bool isBeside = width() >= kRoomForTwoTables;
    if (isBeside == (m_splitter->indexOf(m_layerArea) >= 0)) {
        return;
    }
    if (isBeside) {
        m_runTabs->removeTab(m_runTabs->indexOf(m_layerArea));
        m_splitter->addWidget(m_layerArea);
        m_layerArea->show();
    } else {
        m_runTabs->insertTab(1, m_layerArea, tr("Layers"));
    }
}

void ComparePanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    placeLayers();
    splitByContent();
}

void ComparePanel::updateCaptions() {
    m_summaryCaption->setText(
        tr("Runs · %1 of %2 lines").arg(m_summaryFilter->rowCount()).arg(m_summaryModel->rowCount()));
    std::set<QString> shown;
    for (int row = 0; row < m_layerFilter->rowCount(); ++row) {
        shown.insert(m_layerFilter->index(row, CompareModel::Layer).data().toString());
    }
    std::set<QString> all;
    for (const CompareRow& row : m_layerModel->rows()) {
        all.insert(row.layer);
    }
    const QString layers = all.empty() ? tr("Layers · no statistics were stored with these runs")
                           : m_layerFilter->rowCount() == 0
                               ? tr("Layers · all %1 alike within the threshold").arg(all.size())
                               : tr("Layers · %1 of %2 shown").arg(shown.size()).arg(all.size());
    m_layerCaption->setText(layers);
}

void ComparePanel::setDifferencesOnly(bool isOn) {
    m_differencesOnly->setChecked(isOn);
    m_summaryFilter->setDifferencesOnly(isOn);
    m_layerFilter->setDifferencesOnly(isOn);
    fitColumns(*m_summaryTable);
    fitColumns(*m_layerTable);
    updateCaptions();
}

void ComparePanel::setThresholdDb(double threshold) {
    m_threshold->setValue(threshold);
    m_layerFilter->setThresholdDb(threshold);
    updateCaptions();
}

QString ComparePanel::summary() const {
    if (m_compared.empty()) {
        return {};
    }
    const QString first = QString::fromStdString(m_compared.front().record.what.name);
    return m_compared.size() == 2
               ? tr("%1 and %2").arg(first, QString::fromStdString(m_compared.back().record.what.name))
               : tr("%1 and %2 more").arg(first).arg(m_compared.size() - 1);
}

QString ComparePanel::asCsv() const {
    QStringList header;
    for (int column = 0; column < m_summaryFilter->columnCount(); ++column) {
        header.append(m_summaryFilter->headerData(column, Qt::Horizontal).toString());
    }
    std::vector<QStringList> rows = shownRows(*m_summaryFilter);
    std::vector<QStringList> layers = shownRows(*m_layerFilter);
    rows.insert(rows.end(), layers.begin(), layers.end());
    return tableText(header, rows, TextTable::CommaSeparated);
}

void ComparePanel::exportCsv() {
    const QString path =
        QFileDialog::getSaveFileName(this, tr("Export comparison"), QStringLiteral("comparison.csv"),
                                     tr("Comma-separated values (*.csv)"));
    if (!path.isEmpty()) {
        writeCsv(path);
    }
}

bool ComparePanel::writeCsv(const QString& path) {
    QString reason;
    if (writeTextFile(path, asCsv(), reason)) {
        return true;
    }
    Q_EMIT failed(reason);
    return false;
}

}  // namespace bitlathe::ui
