#include "experiments/jobs/job_runner.h"
#include "tests/support/fake_engine.h"
#include "tests/support/function_job.h"
#include "tests/support/patience.h"

#include <QSemaphore>
#include <QSignalSpy>
#include <QtTest>

#include <atomic>
#include <stdexcept>

using namespace bitlathe;
using namespace bitlathe::experiments;
using tests::functionJob;

namespace {

/// A job that stands at its gate before each of `steps` checkpoints.
struct Gated {
    QSemaphore reached;
    QSemaphore gate;
    std::atomic<int> stepsDone = 0;

    std::unique_ptr<Job> job(const std::string& name, int steps) {
        return functionJob(name, [this, steps](JobScope& scope) -> JobProduct {
            scope.context().beginStage("walk");
            for (int i = 0; i < steps; ++i) {
                reached.release();
                gate.acquire();
                scope.context().checkpoint(i, steps);
                ++stepsDone;
            }
            scope.context().checkpoint(steps, steps);
            return {};
        });
    }
};

struct Fixture {
    EngineHost host{[] { return std::make_shared<tests::FakeEngine>(); }};
    JobRunner runner{host};
    QSignalSpy finished{&runner, &JobRunner::jobFinished};
    QSignalSpy idle{&runner, &JobRunner::idle};

    bool waitForIdle() { return !runner.isBusy() || idle.wait(tests::kPatienceMs); }
};

}  // namespace

class TestJobRunner : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void successDeliversProductsInOrderThenTheOutcome() {
        Fixture f;
        QStringList events;
        connect(&f.runner, &JobRunner::epochFinished, this, [&](JobId, const auto& report) {
            events.append(QStringLiteral("epoch %1").arg(report->epoch));
        });
        connect(&f.runner, &JobRunner::layerErrorsMeasured, this, [&](JobId, const auto& errors) {
            events.append(QStringLiteral("errors %1").arg(errors->samples));
        });
        connect(&f.runner, &JobRunner::jobFinished, this, [&](JobId, const JobOutcome& outcome) {
            events.append(outcome.kind == JobOutcome::Kind::Succeeded ? "succeeded" : "other");
        });
        const JobId id = f.runner.enqueue(functionJob("train", [](JobScope& scope) -> JobProduct {
            for (int epoch = 1; epoch <= 2; ++epoch) {
                core::EpochReport report;
                report.epoch = epoch;
                scope.publish(std::make_shared<const core::EpochReport>(report));
            }
            return std::make_shared<const LayerErrors>(LayerErrors{{}, 7});
        }));
        QVERIFY(f.runner.isBusy());
        QCOMPARE(f.runner.find(id)->state, JobState::Running);
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(events, (QStringList{"epoch 1", "epoch 2", "errors 7", "succeeded"}));
        QCOMPARE(f.runner.find(id)->state, JobState::Succeeded);
        QCOMPARE(f.runner.find(id)->epochs.size(), 2U);
        QVERIFY(f.runner.find(id)->finishedAt >= f.runner.find(id)->startedAt);
        QVERIFY(!f.runner.isBusy());
    }

    void everyExceptionBecomesAFailure_data() {
        QTest::addColumn<int>("what");
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("code");
        QTest::newRow("core error") << 0 << "layer conv1: scale is zero"
                                    << int(core::ErrorCode::InvalidConfig);
        QTest::newRow("standard") << 1 << "vector too long" << int(core::ErrorCode::Unknown);
        QTest::newRow("no memory") << 2 << "not enough memory" << int(core::ErrorCode::Unknown);
        QTest::newRow("foreign") << 3 << "unknown type" << int(core::ErrorCode::Unknown);
    }
    void everyExceptionBecomesAFailure() {
        QFETCH(int, what);
        QFETCH(QString, text);
        QFETCH(int, code);
        Fixture f;
        const JobId id = f.runner.enqueue(functionJob("failing", [what](JobScope&) -> JobProduct {
            switch (what) {
            case 0:
                throw core::Error(core::ErrorCode::InvalidConfig, "layer conv1: scale is zero");
            case 1:
                throw std::length_error("vector too long");
            case 2:
                throw std::bad_alloc();
            default:
                throw 42;
            }
        }));
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        const JobOutcome& outcome = f.runner.find(id)->outcome;
        QCOMPARE(outcome.kind, JobOutcome::Kind::Failed);
        QCOMPARE(int(*outcome.code), code);
        QVERIFY2(QString::fromStdString(outcome.text).contains(text), outcome.text.c_str());
        QCOMPARE(f.runner.find(id)->state, JobState::Failed);
        // The queue goes on after a failure.
        f.runner.enqueue(functionJob("next", [](JobScope&) -> JobProduct { return {}; }));
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.finished.size(), 2);
    }

    void cancelIsAcknowledgedAtOnceAndStopsAtTheNextStep() {
        Fixture f;
        Gated gated;
        const JobId id = f.runner.enqueue(gated.job("walk", 100));
        gated.reached.acquire();
        QSignalSpy changed(&f.runner, &JobRunner::jobChanged);
        f.runner.cancel(id);
        // Within the call, before any event loop turns.
        QCOMPARE(changed.size(), 1);
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelling);
        gated.gate.release(100);
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(gated.stepsDone.load(), 0);
        QCOMPARE(f.runner.find(id)->state, JobState::Cancelled);
        QCOMPARE(f.runner.find(id)->outcome.kind, JobOutcome::Kind::CancelledByUser);
        QCOMPARE(f.finished.size(), 1);
        f.runner.cancel(id);  // too late: nothing happens
        QCOMPARE(f.finished.size(), 1);
    }

    // The work was done before it looked: its result counts.
    void cancelTooLateIsSuccess() {
        Fixture f;
        QSemaphore reached;
        QSemaphore gate;
        const JobId id = f.runner.enqueue(functionJob("quick", [&](JobScope&) -> JobProduct {
            reached.release();
            gate.acquire();
            return {};
        }));
        reached.acquire();
        f.runner.cancel(id);
        gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(f.runner.find(id)->state, JobState::Succeeded);
    }

    void cancelWhileQueuedNeverRuns() {
        Fixture f;
        Gated gated;
        f.runner.enqueue(gated.job("first", 1));
        std::atomic<bool> hasRun = false;
        const JobId second = f.runner.enqueue(functionJob("second", [&](JobScope&) -> JobProduct {
            hasRun = true;
            return {};
        }));
        QCOMPARE(f.runner.find(second)->state, JobState::Waiting);
        f.runner.cancel(second);
        QCOMPARE(f.runner.find(second)->state, JobState::Cancelled);
        QCOMPARE(f.finished.size(), 1);
        gated.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QVERIFY(!hasRun);
        QCOMPARE(f.finished.size(), 2);
    }

    void jobsRunInOrderOneAtATime() {
        Fixture f;
        std::vector<int> order;  // touched by the one job thread
        std::atomic<int> atOnce = 0;
        std::atomic<int> mostAtOnce = 0;
        for (int i = 0; i < 5; ++i) {
            f.runner.enqueue(functionJob("job", [&, i](JobScope&) -> JobProduct {
                mostAtOnce = std::max(mostAtOnce.load(), ++atOnce);
                order.push_back(i);
                --atOnce;
                return {};
            }));
        }
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(order, (std::vector<int>{0, 1, 2, 3, 4}));
        QCOMPARE(mostAtOnce.load(), 1);
        QCOMPARE(f.idle.size(), 1);
    }

    void waitingJobsCanBeMoved() {
        Fixture f;
        Gated gated;
        const JobId running = f.runner.enqueue(gated.job("running", 1));
        std::vector<std::string> order;
        const auto noting = [&](const std::string& name) {
            return functionJob(name, [&order, name](JobScope&) -> JobProduct {
                order.push_back(name);
                return {};
            });
        };
        f.runner.enqueue(noting("a"));
        const JobId b = f.runner.enqueue(noting("b"));
        const JobId c = f.runner.enqueue(noting("c"));
        QCOMPARE(f.runner.waitingCount(), 3);
        QVERIFY(f.runner.moveWaiting(c, -1));
        QVERIFY(f.runner.moveWaiting(c, -1));
        QVERIFY(!f.runner.moveWaiting(c, -1));  // the running job stays in front
        QVERIFY(!f.runner.moveWaiting(running, 1));
        QVERIFY(!f.runner.moveWaiting(b, 1));  // last already
        gated.gate.release();
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QCOMPARE(order, (std::vector<std::string>{"c", "a", "b"}));
    }

    void progressIsMonotoneThrottledAndItsEndIsDelivered() {
        Fixture f;
        std::vector<JobProgress> seen;
        std::vector<qint64> times;
        QElapsedTimer clock;
        clock.start();
        connect(&f.runner, &JobRunner::progressChanged, this, [&](JobId id) {
            seen.push_back(f.runner.find(id)->progress);
            times.push_back(clock.elapsed());
        });
        constexpr std::int64_t kSteps = 400;
        const JobId id = f.runner.enqueue(functionJob("walk", [&](JobScope& scope) -> JobProduct {
            scope.context().beginStage("walk");
            for (std::int64_t i = 0; i <= kSteps; ++i) {
                scope.context().checkpoint(i, kSteps, "step " + std::to_string(i));
                QThread::msleep(1);  // the work itself: long enough for several refreshes
            }
            return {};
        }));
        QVERIFY(f.idle.wait(tests::kPatienceMs));
        QVERIFY(seen.size() >= 3);
        for (std::size_t i = 1; i < seen.size(); ++i) {
            QVERIFY(seen[i].done >= seen[i - 1].done);
            QVERIFY(seen[i].elapsedMs >= seen[i - 1].elapsedMs);
            QVERIFY(seen[i].peakBytes >= seen[i].residentBytes);
        }
        QCOMPARE(seen.back().done, kSteps);
        QCOMPARE(seen.back().detail, std::string("step 400"));
        QVERIFY(seen.back().residentBytes > 0);
        // A refresh each 100 ms; a coarse timer may be 5 % early; one more at the end.
        const auto most = static_cast<std::size_t>(times.back() / 95 + 2);
        QVERIFY2(seen.size() <= most, qPrintable(QString::number(seen.size())));
        QCOMPARE(f.runner.find(id)->progress, seen.back());
    }

    // The job ends only by being cancelled; a destructor that did not cancel would hang here, one that did
    // not wait would let it count on.
    void destructionCancelsAndWaits() {
        std::atomic<std::int64_t> steps = 0;
        std::atomic<bool> hasSecondRun = false;
        QSemaphore started;
        EngineHost host([] { return std::make_shared<tests::FakeEngine>(); });
        {
            JobRunner runner(host);
            runner.enqueue(functionJob("endless", [&](JobScope& scope) -> JobProduct {
                started.release();
                for (;;) {
                    scope.context().checkpoint(++steps, 0);
                }
            }));
            runner.enqueue(functionJob("second", [&](JobScope&) -> JobProduct {
                hasSecondRun = true;
                return {};
            }));
            started.acquire();
        }
        const std::int64_t stepsAtEnd = steps;
        host.pool().waitForDone();
        QCOMPARE(steps.load(), stepsAtEnd);
        QVERIFY(!hasSecondRun);
        QCoreApplication::processEvents();  // nothing queued for the dead runner bites
    }

    void destructionWhileTheEngineIsStillLoading() {
        QSemaphore loading;
        QSemaphore gate;
        std::atomic<bool> hasRun = false;
        EngineHost host([&] {
            loading.release();
            gate.acquire();
            return std::make_shared<tests::FakeEngine>();
        });
        host.warmUp();
        loading.acquire();
        {
            JobRunner runner(host);
            runner.enqueue(functionJob("never", [&](JobScope&) -> JobProduct {
                hasRun = true;
                return {};
            }));
        }
        gate.release();
        host.pool().waitForDone();
        QVERIFY(!hasRun);
    }

    void engineFailureFailsTheJobThatNeedsIt() {
        EngineHost host([]() -> std::shared_ptr<core::Engine> {
            throw core::Error(core::ErrorCode::EngineUnavailable, "install libtorch-dev");
        });
        JobRunner runner(host);
        QSignalSpy idle(&runner, &JobRunner::idle);
        const JobId id = runner.enqueue(functionJob("needs it", [](JobScope& scope) -> JobProduct {
            scope.engine();
            return {};
        }));
        QVERIFY(idle.wait(tests::kPatienceMs));
        QCOMPARE(*runner.find(id)->outcome.code, core::ErrorCode::EngineUnavailable);
        QCOMPARE(runner.find(id)->outcome.text, std::string("install libtorch-dev"));
    }

    void listenersMayQueueAndForget() {
        Fixture f;
        int rounds = 0;
        connect(&f.runner, &JobRunner::jobFinished, this, [&] {
            f.runner.clearFinished();
            if (++rounds < 3) {
                f.runner.enqueue(functionJob("again", [](JobScope&) -> JobProduct { return {}; }));
            }
        });
        f.runner.enqueue(functionJob("first", [](JobScope&) -> JobProduct { return {}; }));
        QTRY_COMPARE_WITH_TIMEOUT(rounds, 3, tests::kPatienceMs);
        QVERIFY(f.runner.jobs().empty());
        QVERIFY(!f.runner.isBusy());
    }

    void cancelAllEndsEverything() {
        Fixture f;
        Gated gated;
        f.runner.enqueue(gated.job("walk", 10));
        f.runner.enqueue(functionJob("a", [](JobScope&) -> JobProduct { return {}; }));
        f.runner.enqueue(functionJob("b", [](JobScope&) -> JobProduct { return {}; }));
        f.runner.cancelAll();
        gated.gate.release(10);
        QVERIFY(f.waitForIdle());
        for (const JobId id : f.runner.jobs()) {
            QCOMPARE(f.runner.find(id)->state, JobState::Cancelled);
        }
    }
};

QTEST_GUILESS_MAIN(TestJobRunner)
#include "test_job_runner.moc"
