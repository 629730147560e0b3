#include "plots/series_plot.h"
#include "plots/training_curve_plot.h"
#include "tests/support/fake_engine.h"
#include "tests/support/made_up_runs.h"
#include "ui/dialogs/run_details_dialog.h"
#include "ui/dialogs/train_dialog.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/training_panel.h"

#include <QDoubleSpinBox>
#include <QPushButton>
#include <QSemaphore>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QToolButton>
#include <QtTest>

using namespace bitlathe;
using namespace bitlathe::experiments;
using namespace bitlathe::ui;

namespace {

constexpr int kStepsPerEpoch = 10;

/// Trains in steps a test lets through one by one.
class SteppedTraining final : public Job {
public:
    SteppedTraining(std::int64_t epochs, QSemaphore& gate) : m_epochs(epochs), m_gate(gate) {}
    std::string_view kind() const override { return "run_recipe"; }
    std::string name() const override { return "made-up training"; }
    std::int64_t plannedEpochs() const override { return m_epochs; }

    JobProduct run(JobScope& scope) override {
        scope.context().beginStage("train");
        const std::int64_t total = m_epochs * kStepsPerEpoch;
        for (std::int64_t step = 1; step <= total; ++step) {
            m_gate.acquire();
            scope.context().checkpoint(step - 1, total, "step");
            if (scope.context().isStopRequested()) {
                break;
            }
            core::StepReport report;
            report.step = step;
            report.totalSteps = total;
            report.epoch = (step - 1) / kStepsPerEpoch + 1;
            report.loss = 1.0 / static_cast<double>(step);
            report.imagesPerSecond = 1234;
            if (step % 10 == 1) {
                report.ranges = {
                    {{core::LayerId("stem"), core::SiteKind::Output}, 0, 6.0 + static_cast<double>(step)}};
            }
            scope.publish(std::make_shared<const core::StepReport>(report));
            if (step % kStepsPerEpoch == 0) {
                core::EpochReport epoch;
                epoch.epoch = report.epoch;
                epoch.trainLoss = report.loss;
                epoch.test.samples = 100;
                epoch.test.correct = 80 + epoch.epoch;
                scope.publish(std::make_shared<const core::EpochReport>(epoch));
            }
        }
        return {};
    }

private:
    std::int64_t m_epochs;
    QSemaphore& m_gate;
};

struct Fixture {
    QSemaphore gate;
    EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
    JobRunner runner{host};
    TrainingPanel panel{runner};
    QSignalSpy idle{&runner, &JobRunner::idle};

    JobId start(std::int64_t epochs) {
        return runner.enqueue(std::make_unique<SteppedTraining>(epochs, gate));
    }
};

}  // namespace

class TestTrainingPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void showsWhatTheReportsSay() {
        Fixture f;
        QSignalSpy started(&f.panel, &TrainingPanel::trainingStarted);
        const JobId id = f.start(2);
        f.gate.release(12);
        QTRY_COMPARE(f.runner.find(id)->steps.size(), std::size_t{12});
        QCOMPARE(started.size(), 1);
        QTRY_VERIFY(f.panel.figures().contains(QStringLiteral("epoch 2 of 2")));
        QVERIFY2(f.panel.figures().contains(QStringLiteral("1,234 images/s")), qPrintable(f.panel.figures()));
        QVERIFY2(f.panel.figures().contains(QStringLiteral("best 81.00 % in epoch 1")),
                 qPrintable(f.panel.figures()));
        QTRY_COMPARE(f.panel.curve()->table(plots::TableExtent::All).rows.size(), std::size_t{13});
        // Ranges are drawn relative to where they began: 7 at step 1, 17 at step 11.
        const plots::PlotTable ranges = f.panel.ranges()->table(plots::TableExtent::All);
        QCOMPARE(ranges.rows.size(), std::size_t{2});
        QCOMPARE(ranges.rows[0][2].toDouble(), 1.0);
        QCOMPARE(ranges.rows[1][2].toDouble(), 17.0 / 7.0);
        f.gate.release(8);
        QVERIFY(f.idle.wait());
        QVERIFY(f.panel.summary().isEmpty());
        QTRY_VERIFY(f.panel.figures().contains(QStringLiteral("done")));
        QVERIFY(!f.panel.pauseButton()->isEnabled());
    }

    void pausesResumesAndStops() {
        Fixture f;
        const JobId id = f.start(3);
        f.gate.release(10);
        QTRY_COMPARE(f.runner.find(id)->epochs.size(), std::size_t{1});
        QTRY_VERIFY(f.panel.stopButton()->isEnabled());
        f.panel.pauseButton()->click();
        f.gate.release(1);
        QTRY_VERIFY(f.runner.find(id)->progress.isPaused);
        QCOMPARE(f.runner.find(id)->steps.size(), std::size_t{10});
        QTRY_COMPARE(f.panel.pauseButton()->text(), QStringLiteral("Resume"));
        f.panel.pauseButton()->click();
        QTRY_COMPARE(f.runner.find(id)->steps.size(), std::size_t{11});
        f.panel.stopButton()->click();
        f.gate.release(1);
        QVERIFY(f.idle.wait());
        QCOMPARE(f.runner.find(id)->state, JobState::Succeeded);
        QCOMPARE(f.runner.find(id)->steps.size(), std::size_t{11});
    }

    void cancelEndsIt() {
        Fixture f;
        const JobId id = f.start(3);
        f.gate.release(3);
        QTRY_COMPARE(f.runner.find(id)->steps.size(), std::size_t{3});
        f.panel.cancelButton()->click();
        f.gate.release(1);
        QVERIFY(f.idle.wait());
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelled);
        QTRY_VERIFY(f.panel.figures().contains(QStringLiteral("cancelled")));
    }

    void aStoredCurveIsShownAgain() {
        QTemporaryDir folder;
        const std::shared_ptr<ExperimentLog> log =
            ExperimentLog::open(folder.filePath("log.db").toStdString());
        const RunId trained = tests::addMadeUpRun(*log, {.name = "trained"});
        const RunId plain = tests::addMadeUpRun(*log, {.name = "plain"});
        log->addMetricSteps(trained, {{metric::kTrainLoss, 1, 0.5},
                                      {metric::kTop1, 1, 88.0},
                                      {metric::kTrainLoss, 2, 0.4},
                                      {metric::kTop1, 2, 89.5}});
        const RunDetailsDialog details(*log, trained);
        QVERIFY(details.trainingCurve() != nullptr);
        const plots::PlotTable curve = details.trainingCurve()->table(plots::TableExtent::All);
        QCOMPARE(curve.rows.size(), std::size_t{2});
        QCOMPARE(curve.rows[1][1].toDouble(), 0.4);
        QCOMPARE(curve.rows[1][2].toDouble(), 89.5);
        const RunDetailsDialog untrained(*log, plain);
        QVERIFY(untrained.trainingCurve() == nullptr);

        ComparePanel compare;
        compare.setLog(log);
        compare.compare({trained, plain});
        const plots::PlotTable both = compare.trainingChart()->table(plots::TableExtent::All);
        QCOMPARE(both.rows.size(), std::size_t{2});
        QCOMPARE(both.rows[0][0].toString(), QStringLiteral("trained"));
        QCOMPARE(both.rows[0][2].toDouble(), 88.0);
    }

    void theDialogGivesBackWhatItWasGiven() {
        TrainStage stage;
        stage.options.epochs = 3;
        stage.options.batchSize = 64;
        stage.options.learningRate = 0.05;
        stage.options.labelSmoothing = 0.1;
        stage.options.augmentation = {true, 2};
        stage.options.keep = core::KeptWeights::Best;
        stage.output = "trained.pt";
        const TrainDialog dialog(stage);
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
        const TrainStage given = dialog.stage();
        QCOMPARE(given.options.epochs, stage.options.epochs);
        QCOMPARE(given.options.batchSize, stage.options.batchSize);
        QCOMPARE(given.options.learningRate, stage.options.learningRate);
        QCOMPARE(given.options.labelSmoothing, stage.options.labelSmoothing);
        QVERIFY(given.options.augmentation.horizontalFlip);
        QCOMPARE(given.options.augmentation.shift, 2);
        QVERIFY(given.options.keep == core::KeptWeights::Best);
        QCOMPARE(given.output, stage.output);
        QVERIFY(given.options.optimizer == stage.options.optimizer);
        QVERIFY(given.options.schedule == stage.options.schedule);
    }

    /// A warm-up longer than the training cannot start, and the dialog says why.
    void badInputIsSaidAndNotStarted() {
        TrainStage stage;
        stage.options.epochs = 1;
        stage.options.schedule.warmUpEpochs = 5;
        TrainDialog dialog(stage);
        QVERIFY(!dialog.problem().isEmpty());
        QVERIFY(!dialog.findChild<QPushButton*>(QStringLiteral("startTraining"))->isEnabled());
        dialog.findChildren<QSpinBox*>().front()->setValue(20);
        QVERIFY2(dialog.problem().isEmpty(), qPrintable(dialog.problem()));
        QVERIFY(dialog.findChild<QPushButton*>(QStringLiteral("startTraining"))->isEnabled());
    }
};

QTEST_MAIN(TestTrainingPanel)
#include "test_training_panel.moc"
