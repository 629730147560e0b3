#include "plots/series_plot.h"
#include "plots/training_curve_plot.h"
#include "tests/support/fake_engine.h"
#include "tests/support/made_up_runs.h"
#include "tests/support/patience.h"
#include "ui/dialogs/run_details_dialog.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/training_panel.h"

#include <QSemaphore>
#include <QSignalSpy>
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

core::StepReport firstStep() {
    core::StepReport report;
    report.step = 1;
    report.totalSteps = 2;
    report.epoch = 1;
    report.loss = 2;
    report.peakMemoryBytes = std::int64_t{96} << 20;
    return report;
}

/// The jobs of one training each that a panel meets beside the good one.
class MadeUpTraining : public Job {
public:
    std::string_view kind() const override { return "run_recipe"; }
    std::string name() const override { return "made-up training"; }
    std::int64_t plannedEpochs() const override { return 2; }
};

class WaitingTraining final : public MadeUpTraining {
public:
    JobProduct run(JobScope& scope) override {
        scope.publish(std::make_shared<const core::StepReport>(firstStep()));
        scope.context().waitFor(1, 2, "paused: the disk is full; free space and the training goes on", 60);
        scope.context().checkpoint(2, 2);
        return {};
    }
};

class DivergingTraining final : public MadeUpTraining {
public:
    JobProduct run(JobScope& scope) override {
        scope.publish(std::make_shared<const core::StepReport>(firstStep()));
        core::EpochReport epoch;
        epoch.epoch = 1;
        scope.publish(std::make_shared<const core::EpochReport>(epoch));
        throw core::Error(
            core::ErrorCode::NonFiniteInput,
            "training diverged: the first values that are not finite are those of layer 'stem'");
    }
};

class FinishedTraining final : public MadeUpTraining {
public:
    JobProduct run(JobScope& scope) override {
        scope.publish(std::make_shared<const core::StepReport>(firstStep()));
        VariantResult result;
        result.run = RunId{42};
        scope.publish(std::make_shared<const VariantResult>(result));
        return {};
    }
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
        QTRY_COMPARE_WITH_TIMEOUT(f.runner.find(id)->steps.size(), std::size_t{12}, tests::kPatienceMs);
        QCOMPARE(started.size(), 1);
        QTRY_VERIFY_WITH_TIMEOUT(f.panel.figures().contains(QStringLiteral("epoch 2 of 2")),
                                 tests::kPatienceMs);
        QVERIFY2(f.panel.figures().contains(QStringLiteral("1,234 images/s")), qPrintable(f.panel.figures()));
        QVERIFY2(f.panel.figures().contains(QStringLiteral("best 81.00 % in epoch 1")),
                 qPrintable(f.panel.figures()));
        QTRY_COMPARE_WITH_TIMEOUT(f.panel.curve()->table(plots::TableExtent::All).rows.size(),
                                  std::size_t{13}, tests::kPatienceMs);
        // Ranges are drawn relative to where they began: 7 at step 1, 17 at step 11.
        const plots::PlotTable ranges = f.panel.ranges()->table(plots::TableExtent::All);
        QCOMPARE(ranges.rows.size(), std::size_t{2});
        QCOMPARE(ranges.rows[0][2].toDouble(), 1.0);
        QCOMPARE(ranges.rows[1][2].toDouble(), 17.0 / 7.0);
        f.gate.release(8);
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QVERIFY(f.panel.summary().isEmpty());
        QTRY_VERIFY_WITH_TIMEOUT(f.panel.figures().contains(QStringLiteral("done")), tests::kPatienceMs);
        QVERIFY(!f.panel.pauseButton()->isEnabled());
    }

    void pausesResumesAndStops() {
        Fixture f;
        const JobId id = f.start(3);
        f.gate.release(10);
        QTRY_COMPARE_WITH_TIMEOUT(f.runner.find(id)->epochs.size(), std::size_t{1}, tests::kPatienceMs);
        QTRY_VERIFY_WITH_TIMEOUT(f.panel.stopButton()->isEnabled(), tests::kPatienceMs);
        f.panel.pauseButton()->click();
        f.gate.release(1);
        QTRY_VERIFY_WITH_TIMEOUT(f.runner.find(id)->progress.isPaused, tests::kPatienceMs);
        QCOMPARE(f.runner.find(id)->steps.size(), std::size_t{10});
        QTRY_COMPARE_WITH_TIMEOUT(f.panel.pauseButton()->text(), QStringLiteral("Resume"),
                                  tests::kPatienceMs);
        f.panel.pauseButton()->click();
        QTRY_COMPARE_WITH_TIMEOUT(f.runner.find(id)->steps.size(), std::size_t{11}, tests::kPatienceMs);
        f.panel.stopButton()->click();
        f.gate.release(1);
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.runner.find(id)->state, JobState::Succeeded);
        QCOMPARE(f.runner.find(id)->steps.size(), std::size_t{11});
    }

    void cancelEndsIt() {
        Fixture f;
        const JobId id = f.start(3);
        f.gate.release(3);
        QTRY_COMPARE_WITH_TIMEOUT(f.runner.find(id)->steps.size(), std::size_t{3}, tests::kPatienceMs);
        f.panel.cancelButton()->click();
        f.gate.release(1);
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelled);
        QTRY_VERIFY_WITH_TIMEOUT(f.panel.figures().contains(QStringLiteral("cancelled")), tests::kPatienceMs);
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

    /// A disk that is full: one message that says what to do, and a button that tries at once.
    void aTrainingThatWaitsSaysForWhat() {
        EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
        JobRunner runner{host};
        TrainingPanel panel{runner};
        QSignalSpy idle(&runner, &JobRunner::idle);
        const JobId id = runner.enqueue(std::make_unique<WaitingTraining>());
        QTRY_VERIFY_WITH_TIMEOUT(panel.message().contains(QStringLiteral("the disk is full")),
                                 tests::kPatienceMs);
        QVERIFY2(panel.figures().contains(QStringLiteral("waiting")), qPrintable(panel.figures()));
        QCOMPARE(panel.pauseButton()->text(), QStringLiteral("Try again"));
        panel.pauseButton()->click();
        QVERIFY(idle.wait(tests::kPatienceMs));
        QCOMPARE(runner.find(id)->state, JobState::Succeeded);
        QTRY_VERIFY_WITH_TIMEOUT(panel.message().isEmpty(), tests::kPatienceMs);
    }

    void aFailedTrainingSaysWhyAndOffersAnother() {
        EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
        JobRunner runner{host};
        TrainingPanel panel{runner};
        QSignalSpy idle(&runner, &JobRunner::idle);
        QSignalSpy again(&panel, &TrainingPanel::trainAgainRequested);
        runner.enqueue(std::make_unique<DivergingTraining>());
        QVERIFY(idle.wait(tests::kPatienceMs));
        QVERIFY2(panel.message().contains(QStringLiteral("layer 'stem'")), qPrintable(panel.message()));
        QVERIFY2(panel.message().contains(QStringLiteral("checkpoint is kept")), qPrintable(panel.message()));
        QVERIFY(!panel.pauseButton()->isVisibleTo(&panel));
        QVERIFY(!panel.openButton()->isVisibleTo(&panel));
        panel.againButton()->click();
        QCOMPARE(again.size(), 1);
    }

    void whatItMadeCanBeOpened() {
        EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
        JobRunner runner{host};
        TrainingPanel panel{runner};
        QSignalSpy idle(&runner, &JobRunner::idle);
        QSignalSpy opened(&panel, &TrainingPanel::openTrainedRequested);
        runner.enqueue(std::make_unique<FinishedTraining>());
        QVERIFY(idle.wait(tests::kPatienceMs));
        QVERIFY(panel.openButton()->isVisibleTo(&panel));
        panel.openButton()->click();
        QCOMPARE(opened.size(), 1);
        QCOMPARE(opened.front().front().value<RunId>().value, 42);
        QVERIFY2(panel.figures().contains(QStringLiteral("peak 96 MiB")), qPrintable(panel.figures()));
    }
};

QTEST_MAIN(TestTrainingPanel)
#include "test_training_panel.moc"
