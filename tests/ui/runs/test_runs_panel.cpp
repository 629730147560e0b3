#include "tests/support/made_up_runs.h"
#include "tests/support/patience.h"
#include "tests/support/screenshot.h"
#include "ui/models/run_table_model.h"
#include "ui/models/run_text.h"
#include "ui/panels/runs_panel.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMessageBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTimer>
#include <QtTest>

using namespace bitlathe;
using namespace bitlathe::experiments;
using namespace bitlathe::ui;

namespace {

struct Fixture {
    QTemporaryDir folder;
    std::string path = folder.filePath(QStringLiteral("experiments.db")).toStdString();
    std::shared_ptr<ExperimentLog> log = ExperimentLog::open(path);
    std::unique_ptr<ExperimentLog> writer = ExperimentLog::open(path);  ///< as a job has one

    void addDemo() {
        tests::addMadeUpRun(*writer, {.name = "float",
                                      .weightBits = 16,
                                      .activationBits = 16,
                                      .top1 = 91.18,
                                      .romBytes = 871'000,
                                      .ramBytes = 57'344,
                                      .fits = false});
        tests::addMadeUpRun(*writer, {.name = "W8A8", .top1 = 91.02});
        tests::addMadeUpRun(*writer,
                            {.name = "W4A8 per tensor", .weightBits = 4, .top1 = 42.5, .romBytes = 110'592});
        tests::addMadeUpRun(
            *writer, {.name = "W4A8 per channel", .weightBits = 4, .top1 = 88.31, .romBytes = 112'640});
    }
};

QStringList column(const QAbstractItemModel& model, int which) {
    QStringList texts;
    for (int row = 0; row < model.rowCount(); ++row) {
        texts.append(model.index(row, which).data().toString());
    }
    return texts;
}

void selectRows(QTableView& table, const QList<int>& rows) {
    table.clearSelection();
    for (const int row : rows) {
        table.selectionModel()->select(table.model()->index(row, 0),
                                       QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
}

/// Presses `button` of the question that the next modal dialog asks; gives up after five seconds instead of
/// hanging.
void answerNextQuestion(const QString& button) {
    auto* const timer = new QTimer(qApp);
    timer->setInterval(10);
    auto* const attempts = new int(0);
    QObject::connect(timer, &QTimer::timeout, timer, [=] {
        if (auto* const box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget())) {
            for (QAbstractButton* const each : box->buttons()) {
                if (each->text().remove(QLatin1Char('&')) == button) {
                    each->click();
                }
            }
            timer->deleteLater();
            delete attempts;
        } else if (++*attempts > 500) {
            timer->deleteLater();
            delete attempts;
        }
    });
    timer->start();
}

}  // namespace

class TestRunsPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { ui::applyTheme(ui::ThemeChoice::Light); }

    void textsOfFigures() {
        const core::Metric top1{"top1", 91.184, "%", 10'000, 90.61, 91.73};
        QCOMPARE(accuracyText(&top1), QStringLiteral("91.18 % ± 0.56 (n 10,000)"));
        QCOMPARE(accuracyText(nullptr), QString());
        QCOMPARE(durationText(412), QStringLiteral("412 ms"));
        QCOMPARE(durationText(12'440), QStringLiteral("12.4 s"));
        QCOMPARE(durationText(161'000), QStringLiteral("2:41"));
        QCOMPARE(durationText(3'761'000), QStringLiteral("1:02:41"));
        QCOMPARE(durationText(59'990), QStringLiteral("1:00"));  // not "60.0 s"
        QCOMPARE(remainingText(161'000), QStringLiteral("2:41 left"));
        QCOMPARE(remainingText(45'000), QStringLiteral("0:45 left"));
        QCOMPARE(remainingText(2'000), QStringLiteral("< 10 s left"));
        const core::Metric bits{"mean_weight_bits", 4.752, "bit", 0, {}, {}};
        QCOMPARE(bitsText(&bits), QStringLiteral("4.75"));
    }

    void tablesAreQuotedAsTheirFormatAsks() {
        const std::vector<QStringList> rows{{"a,b", "say \"hi\"", "two\nlines"}};
        QCOMPARE(tableText({"x", "y", "z"}, rows, TextTable::CommaSeparated),
                 QStringLiteral("x,y,z\r\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n"));
        QCOMPARE(tableText({"x", "y", "z"}, rows, TextTable::TabSeparated),
                 QStringLiteral("x\ty\tz\na,b\tsay \"hi\"\ttwo lines\n"));
    }

    void modelFollowsTheLogRowByRow() {
        Fixture f;
        RunTableModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.sort(RunTableModel::Started, Qt::DescendingOrder);
        model.setLog(f.log);
        QCOMPARE(model.rowCount(), 0);
        f.addDemo();
        QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
        model.refreshIfChanged();
        QCOMPARE(model.rowCount(), 4);
        QCOMPARE(model.recordAt(0).what.name, std::string("W4A8 per channel"));
        const RunId running = tests::addMadeUpRun(*f.writer, {.name = "live", .status = RunStatus::Running});
        model.refreshIfChanged();
        QCOMPARE(model.index(0, RunTableModel::Status).data().toString(), QStringLiteral("running"));
        QCOMPARE(model.index(0, RunTableModel::Duration).data().toString(), QString());
        f.writer->addMetric(running, {"top1", 50.0, "%", 100, 40.0, 60.0});
        f.writer->finishRun(running, RunStatus::Failed, "disk full");
        model.refreshIfChanged();
        QCOMPARE(model.index(0, RunTableModel::Status).data().toString(), QStringLiteral("failed"));
        QCOMPARE(model.index(0, RunTableModel::Status).data(Qt::ToolTipRole).toString(),
                 QStringLiteral("disk full"));
        f.writer->removeRun(running);
        model.refreshIfChanged();
        QCOMPARE(model.rowCount(), 4);
        QCOMPARE(resets.size(), 0);  // a selection survives all that
    }

    void sortsAndFiltersInTheDatabase() {
        Fixture f;
        f.addDemo();
        tests::addMadeUpRun(*f.writer, {.name = "broken", .status = RunStatus::Failed, .error = "no data"});
        RunTableModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setLog(f.log);
        model.sort(RunTableModel::Top1, Qt::DescendingOrder);
        QCOMPARE(column(model, RunTableModel::Name),
                 (QStringList{"float", "W8A8", "W4A8 per channel", "W4A8 per tensor", "broken"}));
        model.sort(RunTableModel::Rom, Qt::AscendingOrder);
        QCOMPARE(model.index(0, RunTableModel::Name).data().toString(), QStringLiteral("W4A8 per tensor"));
        model.setFilter(QStringLiteral("w4a8"), std::nullopt);
        QCOMPARE(model.rowCount(), 2);
        QCOMPARE(model.matchCount(), 2);
        QCOMPARE(model.totalCount(), 5);
        model.setFilter({}, RunStatus::Failed);
        QCOMPARE(column(model, RunTableModel::Name), QStringList{"broken"});
    }

    void bytesAreShortInCellsAndExactInToolTipsAndFiles() {
        Fixture f;
        tests::addMadeUpRun(*f.writer, {.romBytes = 104'312});
        RunTableModel model;
        model.setLog(f.log);
        QCOMPARE(model.index(0, RunTableModel::Rom).data().toString(), QStringLiteral("102 KiB"));
        QCOMPARE(model.index(0, RunTableModel::Rom).data(Qt::ToolTipRole).toString(),
                 QStringLiteral("104,312 B"));
        const QStringList cells = RunTableModel::exportCells(model.recordAt(0));
        QCOMPARE(cells.size(), RunTableModel::exportHeader().size());
        QVERIFY(cells.contains(QStringLiteral("104312")));
    }

    void readsPagesOnDemand() {
        Fixture f;
        constexpr int kRuns = RunTableModel::kPageSize + 40;
        for (int i = 0; i < kRuns; ++i) {
            tests::addMadeUpRun(*f.writer, {.name = "run", .status = RunStatus::Cancelled, .layers = {}});
        }
        RunTableModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        tester.setUseFetchMore(
            false);  // it would ask for rows in the middle of a reset, which it then objects to
        model.setLog(f.log);
        QCOMPARE(model.matchCount(), kRuns);
        QCOMPARE(model.rowCount(), RunTableModel::kPageSize);
        model.fetchAll();
        QCOMPARE(model.rowCount(), kRuns);
        QVERIFY(!model.canFetchMore({}));
        tests::addMadeUpRun(*f.writer, {.name = "newest", .layers = {}});
        model.sort(RunTableModel::Started, Qt::DescendingOrder);
        model.refreshIfChanged();
        QCOMPARE(model.index(0, RunTableModel::Name).data().toString(), QStringLiteral("newest"));
    }

    void renamesInPlace() {
        Fixture f;
        const RunId id = tests::addMadeUpRun(*f.writer, {.name = "W8A8"});
        RunsPanel panel;
        panel.setLog(f.log);
        panel.show();
        panel.activateWindow();
        panel.table()->setFocus();
        QTRY_VERIFY_WITH_TIMEOUT(panel.table()->hasFocus(), tests::kPatienceMs);
        panel.table()->selectRow(0);
        QTest::keyClick(panel.table(), Qt::Key_F2);
        auto* editor = panel.table()->findChild<QLineEdit*>();
        QVERIFY(editor != nullptr);
        editor->setText(QStringLiteral("baseline"));
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(f.writer->run(id).what.name, std::string("baseline"), tests::kPatienceMs);
        QCOMPARE(panel.model()->index(0, RunTableModel::Name).data().toString(), QStringLiteral("baseline"));
        // An empty name is not taken.
        QVERIFY(!panel.model()->setData(panel.model()->index(0, 0), QStringLiteral("  "), Qt::EditRole));
    }

    void deletesAfterAsking() {
        Fixture f;
        f.addDemo();
        RunsPanel panel;
        panel.setLog(f.log);
        panel.show();
        selectRows(*panel.table(), {0, 1});
        answerNextQuestion(QStringLiteral("Cancel"));
        panel.removeSelected();
        QCOMPARE(f.log->runCount(), 4);
        answerNextQuestion(QStringLiteral("Delete"));
        panel.removeSelected();
        QCOMPARE(f.log->runCount(), 2);
        QCOMPARE(panel.model()->rowCount(), 2);
        QCOMPARE(panel.summary(), QStringLiteral("2 runs"));
    }

    void twoSelectedRunsAskToBeCompared() {
        Fixture f;
        f.addDemo();
        RunsPanel panel;
        panel.setLog(f.log);
        panel.show();
        QSignalSpy compare(&panel, &RunsPanel::compareRequested);
        selectRows(*panel.table(), {1});
        QCOMPARE(compare.size(), 0);
        selectRows(*panel.table(), {0, 2});
        const auto ids = compare.last().first().value<std::vector<RunId>>();
        QCOMPARE(ids.size(), 2U);
        QCOMPARE(ids[0], panel.model()->recordAt(0).id);
        QCOMPARE(ids[1], panel.model()->recordAt(2).id);
    }

    void doubleClickAndMenuActionsNameTheRun() {
        Fixture f;
        f.addDemo();
        RunsPanel panel;
        panel.resize(900, 300);
        panel.setLog(f.log);
        panel.show();
        QSignalSpy details(&panel, &RunsPanel::detailsRequested);
        const QModelIndex second = panel.model()->index(1, 0);
        const QPoint place = panel.table()->visualRect(second).center();
        QTest::mouseClick(panel.table()->viewport(), Qt::LeftButton, {}, place);
        QTest::mouseDClick(panel.table()->viewport(), Qt::LeftButton, {}, place);
        QCOMPARE(details.size(), 1);
        QCOMPARE(details.first().first().value<RunId>(), panel.model()->recordAt(1).id);
        QVERIFY(panel.table()->findChild<QLineEdit*>() == nullptr);  // a double click does not edit
        QSignalSpy rerun(&panel, &RunsPanel::rerunRequested);
        for (QAction* const action : panel.table()->actions()) {
            if (action->text() == QStringLiteral("Rerun")) {
                action->trigger();
            }
        }
        QCOMPARE(rerun.size(), 1);
    }

    void selectionSurvivesNewRuns() {
        Fixture f;
        f.addDemo();
        RunsPanel panel;
        panel.setLog(f.log);
        panel.show();
        selectRows(*panel.table(), {1, 3});
        const std::vector<RunId> before = panel.selectedRuns();
        tests::addMadeUpRun(*f.writer, {.name = "new"});
        QTRY_COMPARE_WITH_TIMEOUT(panel.model()->rowCount(), 5, tests::kPatienceMs);  // found by polling
        QCOMPARE(panel.selectedRuns(), before);
    }

    void exportsAndCopies() {
        Fixture f;
        f.addDemo();
        RunsPanel panel;
        panel.setLog(f.log);
        panel.show();
        const QString path = f.folder.filePath(QStringLiteral("runs.csv"));
        QVERIFY(panel.writeCsv(path));
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QString text = QString::fromUtf8(file.readAll());
        QCOMPARE(text.count(QStringLiteral("\r\n")), 5);
        QVERIFY(text.contains(QStringLiteral(",88.31,")));
        QSignalSpy failures(&panel, &RunsPanel::failed);
        QVERIFY(!panel.writeCsv(f.folder.filePath(QStringLiteral("no/such/folder/runs.csv"))));
        QVERIFY(failures.first().first().toString().contains(QStringLiteral("no/such/folder")));
        selectRows(*panel.table(), {0});
        panel.copySelection();
        QCOMPARE(QGuiApplication::clipboard()->text().count(QLatin1Char('\n')), 2);
    }

    void saysWhatToDoWhenThereIsNothing() {
        RunsPanel panel;
        panel.show();
        const auto shown = [&](const QString& text) {
            const auto labels = panel.findChildren<QLabel*>();
            return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) {
                return label->isVisible() && label->text().contains(text);
            });
        };
        QVERIFY(shown(QStringLiteral("not open")));
        Fixture f;
        panel.setLog(f.log);
        QVERIFY(shown(QStringLiteral("F9")));
        f.addDemo();
        panel.refresh();
        panel.findChild<QLineEdit*>()->setText(QStringLiteral("nothing like this"));
        QVERIFY(shown(QStringLiteral("No run matches")));
        QCOMPARE(panel.summary(), QStringLiteral("0 of 4 runs"));
    }

    void looks() {
        Fixture f;
        f.addDemo();
        tests::addMadeUpRun(*f.writer, {.name = "W2A4",
                                        .weightBits = 2,
                                        .activationBits = 4,
                                        .status = RunStatus::Failed,
                                        .error = "layer blocks.6.pointwise.conv: no range"});
        tests::addMadeUpRun(*f.writer, {.name = "W4A4", .status = RunStatus::Cancelled});
        tests::addMadeUpRun(*f.writer, {.name = "W4A8 mixed", .status = RunStatus::Interrupted});
        tests::addMadeUpRun(*f.writer, {.name = "W3A8", .status = RunStatus::Running});
        RunsPanel panel;
        panel.setLog(f.log);
        panel.table()->selectRow(4);
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("runs"), {1010, 290}));
    }
};

QTEST_MAIN(TestRunsPanel)
#include "test_runs_panel.moc"
