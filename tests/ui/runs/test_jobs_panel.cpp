#include "plots/training_curve_plot.h"
#include "tests/support/fake_engine.h"
#include "tests/support/function_job.h"
#include "tests/support/patience.h"
#include "tests/support/screenshot.h"
#include "ui/models/job_queue_model.h"
#include "ui/panels/jobs_panel.h"

#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QLabel>
#include <QProgressBar>
#include <QSemaphore>
#include <QSignalSpy>
#include <QTableView>
#include <QToolButton>
#include <QtTest>

using namespace bitlathe;
using namespace bitlathe::experiments;
using namespace bitlathe::ui;
using tests::functionJob;

namespace {

struct Fixture {
    EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
    JobRunner runner{host};
    QSignalSpy idle{&runner, &JobRunner::idle};
    QSemaphore gate;

    std::unique_ptr<Job> quick(const std::string& name) {
        return functionJob(name, [](JobScope&) -> JobProduct { return {}; });
    }
    /// Stands at 3 of 8 until the gate opens, then fails or succeeds.
    std::unique_ptr<Job> gated(const std::string& name, const std::string& error = {}) {
        return functionJob(name, [this, error](JobScope& scope) -> JobProduct {
            scope.context().beginStage("calibrate");
            scope.context().checkpoint(3, 8, "batch 3 of 8");
            gate.acquire();
            if (!error.empty()) {
                throw core::Error(core::ErrorCode::DataFormat, error);
            }
            scope.context().checkpoint(8, 8);
            return {};
        });
    }
};

QStringList namesIn(const QAbstractItemModel& model) {
    QStringList names;
    for (int row = 0; row < model.rowCount(); ++row) {
        names.append(model.index(row, JobQueueModel::Name).data().toString());
    }
    return names;
}

}  // namespace

class TestJobsPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { ui::applyTheme(ui::ThemeChoice::Light); }

    void modelShowsRunningThenWaitingThenFinished() {
        Fixture f;
        JobQueueModel model(f.runner);
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        f.runner.enqueue(f.quick("first"));
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        f.runner.enqueue(f.gated("second"));
        f.runner.enqueue(f.quick("third"));
        const JobId fourth = f.runner.enqueue(f.quick("fourth"));
        QCOMPARE(namesIn(model),
                 (QStringList{"function: second", "function: third", "function: fourth", "function: first"}));
        QVERIFY(f.runner.moveWaiting(fourth, -1));
        QCOMPARE(namesIn(model)[1], QStringLiteral("function: fourth"));
        f.runner.cancel(fourth);
        QCOMPARE(model.index(model.rowOf(fourth), JobQueueModel::State).data().toString(),
                 QStringLiteral("cancelled"));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(namesIn(model).front(), QStringLiteral("function: third"));  // newest first
        f.runner.clearFinished();
        QCOMPARE(model.rowCount(), 0);
    }

    void emptyStateSaysWhatToDo() {
        Fixture f;
        JobsPanel panel(f.runner);
        panel.show();
        QVERIFY(panel.summary().isEmpty());
        const auto labels = panel.findChildren<QLabel*>();
        QVERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* label) {
            return label->isVisible() && label->text().contains(QStringLiteral("Run recipe"));
        }));
    }

    void runningJobShowsProgressAndCancelAnswersAtOnce() {
        Fixture f;
        JobsPanel panel(f.runner);
        panel.show();
        f.runner.enqueue(f.gated("mobilenet_v1_025"));
        f.runner.enqueue(f.quick("later"));
        auto* const bar = panel.findChild<QProgressBar*>();
        QTRY_COMPARE_WITH_TIMEOUT(bar->value(), 375, tests::kPatienceMs);  // 3 of 8 of 1000 steps
        QCOMPARE(panel.summary(), QStringLiteral("1 running, 1 waiting"));
        QTest::mouseClick(panel.cancelButton(), Qt::LeftButton);
        QVERIFY(!panel.cancelButton()->isEnabled());
        QCOMPARE(panel.cancelButton()->text(), QStringLiteral("Cancelling…"));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.runner.find(JobId{1})->state, JobState::Cancelled);
        QVERIFY(!bar->isVisible());
        QCOMPARE(panel.table()->model()->rowCount(), 2);
    }

    void trainingShowsItsCurveWhileItRuns() {
        Fixture f;
        JobsPanel panel(f.runner);
        panel.resize(420, 420);
        panel.show();
        f.runner.enqueue(functionJob("train", [&f](JobScope& scope) -> JobProduct {
            scope.context().beginStage("train");
            for (int epoch = 1; epoch <= 5; ++epoch) {
                core::EpochReport report;
                report.epoch = epoch;
                report.trainLoss = 1.2 / epoch;
                report.test.samples = 10'000;
                report.test.correct = 9'200 - 1'500 / epoch;
                scope.context().checkpoint(epoch, 6, "epoch " + std::to_string(epoch));
                scope.publish(std::make_shared<const core::EpochReport>(report));
            }
            f.gate.acquire();
            return {};
        }));
        QVERIFY(!panel.trainingCurve()->isVisible());
        QTRY_COMPARE_WITH_TIMEOUT(panel.trainingCurve()->table(plots::TableExtent::All).rows.size(), 5,
                                  tests::kPatienceMs);
        QVERIFY(panel.trainingCurve()->isVisible());
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("jobs_training"), {420, 420}));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QVERIFY(!panel.trainingCurve()->isVisible());
    }

    void keysCancelAndReorderWaitingJobs() {
        Fixture f;
        JobsPanel panel(f.runner);
        panel.resize(700, 400);
        panel.show();
        f.runner.enqueue(f.gated("running"));
        const JobId a = f.runner.enqueue(f.quick("a"));
        f.runner.enqueue(f.quick("b"));
        panel.activateWindow();
        panel.table()->setFocus();
        QTRY_VERIFY_WITH_TIMEOUT(panel.table()->hasFocus(), tests::kPatienceMs);
        panel.table()->selectRow(1);
        QTest::keyClick(panel.table(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(namesIn(*panel.table()->model()), (QStringList{"function: b", "function: a"}));
        panel.table()->selectRow(1);
        QTest::keyClick(panel.table(), Qt::Key_Delete);
        QCOMPARE(f.runner.find(a)->state, JobState::Cancelled);
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
    }

    void failureIsReadableInFull() {
        Fixture f;
        JobsPanel panel(f.runner);
        panel.show();
        const std::string text =
            "t10k-images-idx3-ubyte.gz: ends after 1,024 of 7,840,016 bytes\ndownload it again";
        f.runner.enqueue(f.gated("demo", text));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        panel.table()->selectRow(0);
        const auto labels = panel.findChildren<QLabel*>();
        QVERIFY(std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) {
            return label->isVisible() && label->text() == QString::fromStdString(text);
        }));
        panel.copySelection();
        QVERIFY(QGuiApplication::clipboard()->text().contains(QStringLiteral("download it again")));
    }

    void looks() {
        Fixture f;
        JobsPanel panel(f.runner);
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("jobs_empty"), {420, 300}));
        f.runner.enqueue(f.quick("mobilenet_v1_025.pt"));
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        f.runner.enqueue(f.gated("mobilenet_v1_025",
                                 "t10k-images-idx3-ubyte.gz ends after 1,024 of 7,840,016 bytes; "
                                 "install dataset-fashion-mnist again"));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        f.runner.enqueue(f.gated("demo"));
        f.runner.enqueue(f.quick("W4A8 per channel"));
        f.runner.enqueue(f.quick("W4A8 per tensor"));
        QTRY_COMPARE_WITH_TIMEOUT(panel.findChild<QProgressBar*>()->value(), 375, tests::kPatienceMs);
        panel.table()->selectRow(2);
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("jobs"), {700, 330}));
        QVERIFY(tests::takeScreenshots(panel, QStringLiteral("jobs_narrow"), {390, 330}));
        f.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
    }
};

QTEST_MAIN(TestJobsPanel)
#include "test_jobs_panel.moc"
