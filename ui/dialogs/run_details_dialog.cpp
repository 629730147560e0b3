#include "ui/dialogs/run_details_dialog.h"

#include "plots/training_curve_plot.h"
#include "ui/document/layer_title.h"
#include "ui/models/training_points.h"

#include <QApplication>
#include <QClipboard>
#include <QDialogButtonBox>
#include <QHeaderView>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

QString metricText(const core::Metric& metric) {
    QString text = QString::number(metric.value, 'g', 8);
    if (!metric.unit.empty()) {
        text += QLatin1Char(' ') + QString::fromStdString(metric.unit);
    }
    if (metric.lower95 && metric.upper95) {
        text += QObject::tr("  (95 %: %1 to %2, n = %3)")
                    .arg(QString::number(*metric.lower95, 'g', 5), QString::number(*metric.upper95, 'g', 5),
                         groupedNumber(metric.samples));
    }
    return text;
}

}  // namespace

RunDetailsDialog::RunDetailsDialog(const experiments::ExperimentLog& log, experiments::RunId id,
                                   QWidget* parent)
    : QDialog(parent) {
    const experiments::RunRecord run = log.run(id);
    setWindowTitle(tr("Run %1: %2").arg(id.value).arg(QString::fromStdString(run.what.name)));
    setObjectName(QStringLiteral("runDetailsDialog"));
    m_tree = new QTreeWidget(this);
    m_tree->setAccessibleName(tr("Details of the run"));
    m_tree->setColumnCount(2);
    m_tree->setHeaderHidden(true);
    m_tree->setRootIsDecorated(false);
    m_tree->setUniformRowHeights(true);
    const auto text = [](const std::string& value) { return QString::fromStdString(value); };

    std::vector<std::pair<QString, QString>> results = {
        {tr("status"), QString::fromStdString(std::string(experiments::runStatusName(run.status)))},
        {tr("elapsed"), tr("%1 s").arg(QString::number(run.elapsedMs / 1000, 'f', 1))}};
    if (!run.error.empty()) {
        results.emplace_back(tr("error"), text(run.error));
    }
    for (const auto& [name, metric] : run.metrics) {
        results.emplace_back(text(name), metricText(metric));
    }
    addGroup(tr("Result"), results);
    addGroup(tr("What was run"), {{tr("recipe"), text(run.what.recipeName)},
                                  {tr("model"), text(run.what.modelPath)},
                                  {tr("device"), text(run.what.deviceId)},
                                  {tr("seed"), QString::number(run.what.seed.value)},
                                  {tr("threads"), QString::number(run.what.threads)},
                                  {tr("started"), text(run.startedAt)},
                                  {tr("finished"), text(run.finishedAt)},
                                  {tr("model hash"), text(run.what.modelHash)},
                                  {tr("data hash"), text(run.what.dataHash)},
                                  {tr("configuration hash"), text(run.what.configHash)}});
    std::vector<std::pair<QString, QString>> environment;
    for (const auto& [name, value] : run.what.environment) {
        environment.emplace_back(text(name), text(value));
    }
    addGroup(tr("Environment"), environment);
    std::vector<std::pair<QString, QString>> files;
    for (const experiments::Artefact& artefact : log.artefacts(id)) {
        files.emplace_back(text(artefact.kind),
                           tr("%1  (%2 B)").arg(text(artefact.path), groupedNumber(artefact.sizeBytes)));
    }
    addGroup(tr("Files"), files);
    m_tree->expandAll();
    m_tree->resizeColumnToContents(0);

    auto* const buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    QPushButton* const copy = buttons->addButton(tr("Copy text"), QDialogButtonBox::ActionRole);
    connect(copy, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(asText()); });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 8, 0, 12);
    addCurve(log.metricSteps(id));
    if (m_curve != nullptr) {
        column->addWidget(m_curve, 1);
    }
    column->addWidget(m_tree, 2);
    auto* const buttonRow = new QVBoxLayout;
    buttonRow->setContentsMargins(14, 6, 14, 0);
    buttonRow->addWidget(buttons);
    column->addLayout(buttonRow);
    resize(640, m_curve != nullptr ? 700 : 560);
}

void RunDetailsDialog::addCurve(const std::vector<experiments::MetricStep>& steps) {
    std::vector<plots::TrainingPoint> points = trainingPoints(steps);
    if (points.empty()) {
        return;
    }
    m_curve = new plots::TrainingCurvePlot(this);
    m_curve->setMinimumHeight(150);
    m_curve->setPoints(std::move(points));
}

void RunDetailsDialog::addGroup(const QString& title, const std::vector<std::pair<QString, QString>>& rows) {
    if (rows.empty()) {
        return;
    }
    auto* const group = new QTreeWidgetItem(m_tree, {title});
    QFont font = m_tree->font();
    font.setWeight(QFont::DemiBold);
    group->setFont(0, font);
    group->setFirstColumnSpanned(true);
    for (const auto& [name, value] : rows) {
        auto* const item = new QTreeWidgetItem(group, {name, value});
        item->setToolTip(1, value);
    }
}

QString RunDetailsDialog::asText() const {
    QString text = windowTitle() + QLatin1Char('\n');
    for (int i = 0; i < m_tree->topLevelItemCount(); ++i) {
        const QTreeWidgetItem* const group = m_tree->topLevelItem(i);
        text += QLatin1Char('\n') + group->text(0) + QLatin1Char('\n');
        for (int row = 0; row < group->childCount(); ++row) {
            text += group->child(row)->text(0) + QLatin1Char('\t') + group->child(row)->text(1) +
                    QLatin1Char('\n');
        }
    }
    return text;
}

}  // namespace bitlathe::ui
