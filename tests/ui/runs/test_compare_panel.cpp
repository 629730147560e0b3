#include "tests/support/made_up_runs.h"
#include "tests/support/screenshot.h"
#include "ui/panels/compare_panel.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTableView>
#include <QTemporaryDir>
#include <QtTest>

#include <limits>

using namespace bitlathe;
using namespace bitlathe::experiments;
using namespace bitlathe::ui;

namespace {

struct Fixture {
    QTemporaryDir folder;
    std::shared_ptr<ExperimentLog> log =
        ExperimentLog::open(folder.filePath(QStringLiteral("experiments.db")).toStdString());
    RunId w8 = tests::addMadeUpRun(*log, {.name = "W8A8", .top1 = 91.0});
    RunId w4 = tests::addMadeUpRun(
        *log, {.name = "W4A8", .weightBits = 4, .top1 = 88.0, .romBytes = 109'000, .changedLayers = 2});
    RunId w8Again = tests::addMadeUpRun(*log, {.name = "W8A8 again", .top1 = 91.2});

    std::vector<ComparedRun> read(const std::vector<RunId>& ids) const {
        std::vector<ComparedRun> runs;
        for (const RunId id : ids) {
            runs.push_back(readComparedRun(*log, id));
        }
        return runs;
    }
};

const CompareRow* find(const std::vector<CompareRow>& rows, const QString& layer, const QString& property) {
    for (const CompareRow& row : rows) {
        if (row.layer == layer && row.property == property) {
            return &row;
        }
    }
    return nullptr;
}

QStringList column(const QAbstractItemModel& model, int which) {
    QStringList texts;
    for (int row = 0; row < model.rowCount(); ++row) {
        texts.append(model.index(row, which).data().toString());
    }
    return texts;
}

}  // namespace

class TestComparePanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { ui::applyTheme(ui::ThemeChoice::Light); }

    // Newcombe 1998, Table II, method 10, case (a): 56/70 against 48/80 gives 0.2000, 0.0524 to 0.3339.
    void differenceIntervalIsNewcombes() {
        const core::Range a{0.4904, 0.7005};  // Wilson of 48/80: printed limits, four digits
        const core::Range b{0.6918, 0.8769};  // Wilson of 56/70
        const core::Range difference = differenceInterval95(48.0 / 80, a, 56.0 / 70, b);
        QVERIFY(std::abs(difference.lower - 0.0524) < 2e-4);  // inputs are rounded to 1e-4
        QVERIFY(std::abs(difference.upper - 0.3339) < 2e-4);
    }

    void summaryPutsDifferencesFirst() {
        Fixture f;
        const std::vector<CompareRow> rows = summaryRows(f.read({f.w8, f.w4}));
        bool wasEqual = false;
        for (const CompareRow& row : rows) {
            wasEqual = wasEqual || !row.differs();
            QVERIFY2(!(wasEqual && row.differs()), qPrintable(row.property));
        }
        QCOMPARE(rows.front().property, QStringLiteral("Top-1 accuracy (n 10,000)"));
        QVERIFY(rows.front().differs());
        QVERIFY(!find(rows, {}, QStringLiteral("Seed"))->differs());
    }

    void changesHaveDirectionUnitAndJudgement() {
        Fixture f;
        const std::vector<CompareRow> rows = summaryRows(f.read({f.w8, f.w4}));
        const Change accuracy = changeOf(*find(rows, {}, QStringLiteral("Top-1 accuracy (n 10,000)")), 1);
        QCOMPARE(accuracy.text, QStringLiteral("▼ −3.00 points"));
        QVERIFY(accuracy.isWorse);
        const Change rom = changeOf(*find(rows, {}, QStringLiteral("ROM")), 1);
        QCOMPARE(rom.text, QStringLiteral("▼ −106 KiB (−50 %)"));
        QCOMPARE(rom.toolTip, QStringLiteral("−109,000 B"));
        QVERIFY(rom.isBetter);
        const Change bits = changeOf(*find(rows, {}, QStringLiteral("Mean weight bits")), 1);
        QCOMPARE(bits.text, QStringLiteral("▼ −4"));
        QVERIFY(!bits.isBetter && !bits.isWorse);
    }

    // 0.2 points on 10,000 images lie within the noise: said in words and not coloured.
    void smallAccuracyChangesMayBeChance() {
        Fixture f;
        const std::vector<CompareRow> rows = summaryRows(f.read({f.w8, f.w8Again}));
        const Change change = changeOf(*find(rows, {}, QStringLiteral("Top-1 accuracy (n 10,000)")), 1);
        QCOMPARE(change.text, QStringLiteral("▲ +0.20 points (may be chance)"));
        QVERIFY(!change.isBetter && !change.isWorse);
    }

    void layersAreInOrderWithBitsSchemeRangeAndSqnr() {
        Fixture f;
        const std::vector<CompareRow> rows = layerRows(f.read({f.w8, f.w4}));
        QCOMPARE(rows.front().layer, QStringLiteral("input"));
        const CompareRow* bits = find(rows, QStringLiteral("stem"), QStringLiteral("weight bits"));
        QVERIFY(bits != nullptr);
        QCOMPARE(bits->cells[0].text, QStringLiteral("8"));
        QCOMPARE(bits->cells[1].text, QStringLiteral("4"));
        QVERIFY(!find(rows, QStringLiteral("classifier"), QStringLiteral("weight bits"))->differs());
        QCOMPARE(find(rows, QStringLiteral("stem"), QStringLiteral("weight scheme"))->cells[0].text,
                 QStringLiteral("symmetric, channel"));
        QCOMPARE(find(rows, QStringLiteral("stem"), QStringLiteral("output range"))->cells[0].text,
                 QStringLiteral("0 … 6"));
        // 6.02 dB a bit: four bits less.
        const Change sqnr = changeOf(*find(rows, QStringLiteral("stem"), QStringLiteral("weight SQNR")), 1);
        QCOMPARE(sqnr.text, QStringLiteral("▼ −24.1 dB"));
    }

    void exactLayersCompareWithoutNonsense() {
        CompareRow row;
        row.figure = Figure::Decibel;
        const double infinity = std::numeric_limits<double>::infinity();
        row.cells = {{QStringLiteral("exact"), infinity, {}, {}},
                     {QStringLiteral("exact"), infinity, {}, {}}};
        QCOMPARE(row.largestChange(), 0.0);
        QVERIFY(changeOf(row, 1).text.isEmpty());
        row.cells[0] = {QStringLiteral("30.0 dB"), 30.0, {}, {}};
        QCOMPARE(changeOf(row, 1).text, QStringLiteral("▲ exact"));
    }

    void aRunWithoutConfigurationOrOfAnotherVersionStillCompares() {
        Fixture f;
        NewRun strange;
        strange.name = "from the future";
        strange.configJson = R"({"input": {"bits": 8, "quantizer": "quantum"}, "layers": {}})";
        const RunId id = f.log->beginRun(strange);
        f.log->finishRun(id, RunStatus::Cancelled);
        const std::vector<ComparedRun> runs = f.read({f.w8, id});
        QVERIFY(!runs[1].config);
        QCOMPARE(find(layerRows(runs), QStringLiteral("stem"), QStringLiteral("weight bits"))->cells[1].text,
                 QStringLiteral("–"));
    }

    void modelIsSound() {
        Fixture f;
        CompareModel model;
        CompareFilterModel filter;
        filter.setSourceModel(&model);
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const QAbstractItemModelTester filterTester(&filter,
                                                    QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setRows(layerRows(f.read({f.w8, f.w4, f.w8Again})), {"W8A8", "W4A8", "W8A8 again"});
        QCOMPARE(model.columnCount(), 7);
        QCOMPARE(model.headerData(model.valueColumn(2), Qt::Horizontal, Qt::DisplayRole).toString(),
                 QStringLiteral("C · W8A8 again"));
        QCOMPARE(model.headerData(model.changeColumn(1), Qt::Horizontal, Qt::DisplayRole).toString(),
                 QStringLiteral("B − A"));
        filter.setThresholdDb(100);
        filter.setDifferencesOnly(false);
        model.setRows({}, {});
        QCOMPARE(model.columnCount(), 2);
    }

    void hidesEqualRowsAndSmallChanges() {
        Fixture f;
        ComparePanel panel;
        panel.setLog(f.log);
        panel.show();
        panel.compare({f.w8, f.w4});
        const QAbstractItemModel& layers = *panel.layerTable()->model();
        QVERIFY(!column(layers, CompareModel::Layer).contains(QStringLiteral("classifier")));
        const int rows = layers.rowCount();
        panel.setThresholdDb(30);  // above the 24 dB the weights lost
        QVERIFY(layers.rowCount() < rows);
        QVERIFY(!column(layers, CompareModel::Property).contains(QStringLiteral("weight SQNR")));
        QVERIFY(column(layers, CompareModel::Property).contains(QStringLiteral("weight bits")));
        panel.setDifferencesOnly(false);
        QVERIFY(column(layers, CompareModel::Layer).contains(QStringLiteral("classifier")));
        QVERIFY(
            column(*panel.summaryTable()->model(), CompareModel::Property).contains(QStringLiteral("Seed")));
    }

    void anotherBaselineTurnsTheSigns() {
        Fixture f;
        ComparePanel panel;
        panel.setLog(f.log);
        panel.show();
        panel.compare({f.w8, f.w4});
        auto* const baseline = panel.findChild<QComboBox*>();
        baseline->setCurrentIndex(1);
        Q_EMIT baseline->activated(1);
        QCOMPARE(panel.runs().front(), f.w4);
        const QAbstractItemModel& summary = *panel.summaryTable()->model();
        QCOMPARE(summary.index(0, 4).data().toString(), QStringLiteral("▲ +3.00 points"));
    }

    void emptyStateAndVanishedRuns() {
        Fixture f;
        ComparePanel panel;
        panel.show();
        panel.setLog(f.log);
        const auto labels = panel.findChildren<QLabel*>();
        QVERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* label) {
            return label->isVisible() && label->text().contains(QStringLiteral("Select two or more runs"));
        }));
        QSignalSpy failures(&panel, &ComparePanel::failed);
        f.log->removeRun(f.w4);
        panel.compare({f.w8, f.w4});
        QCOMPARE(failures.size(), 1);
        QVERIFY(panel.summary().isEmpty());
    }

    void writesBothTables() {
        Fixture f;
        ComparePanel panel;
        panel.setLog(f.log);
        panel.compare({f.w8, f.w4});
        QVERIFY(panel.writeCsv(f.folder.filePath(QStringLiteral("comparison.csv"))));
        const QString csv = panel.asCsv();
        QVERIFY(csv.contains(QStringLiteral("stem,weight bits,8,4")));
        QVERIFY(csv.contains(QStringLiteral("▼ −3.00 points")));
    }

    void looks() {
        Fixture f;
        ComparePanel panel;
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("compare_empty"), {1010, 290}));
        panel.setLog(f.log);
        panel.compare({f.w8, f.w4});
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("compare"), {1010, 290}));
        panel.compare({f.w8, f.w4, f.w8Again});
        panel.findChild<QTabWidget*>()->setCurrentIndex(1);
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("compare_chart"), {1200, 330}));
        panel.findChild<QTabWidget*>()->setCurrentIndex(0);
        panel.setDifferencesOnly(false);
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("compare_three"), {1400, 500}));
    }
};

QTEST_MAIN(TestComparePanel)
#include "test_compare_panel.moc"
