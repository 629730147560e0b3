#include "experiments/jobs/process_memory.h"
#include "experiments/jobs/progress_meter.h"

#include <QtTest>

#include <vector>

using namespace bitlathe;
using namespace std::chrono_literals;
using experiments::JobProgress;
using experiments::ProgressMeter;

class TestProgressMeter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void knowsNothingBeforeTheFirstReport() {
        const ProgressMeter::Clock::time_point start{};
        const ProgressMeter meter(start);
        const JobProgress shown = meter.snapshot(start + 1500ms);
        QCOMPARE(shown.elapsedMs, 1500);
        QVERIFY(shown.stage.empty());
        QVERIFY(!shown.fraction());
        QVERIFY(!shown.remainingMs);
    }

    // 8 batches of 2 s each: after the third, 5 are left, 10 s; half a second later 9.5 s.
    void remainingTimeFollowsAnEvenRate() {
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        for (int done = 0; done <= 3; ++done) {
            meter.report({"calibrate", done, 8, "batch"}, start + 2s * done);
        }
        QCOMPARE(meter.snapshot(start + 6s).remainingMs.value(), 10000);
        QCOMPARE(meter.snapshot(start + 6500ms).remainingMs.value(), 9500);
        QCOMPARE(meter.snapshot(start + 6s).unitsPerSecond, 0.5);
    }

    // A batch that takes far longer than promised: the time left stands at zero, never below.
    void remainingTimeIsNeverNegative() {
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        meter.report({"evaluate", 0, 2, ""}, start);
        meter.report({"evaluate", 1, 2, ""}, start + 1s);
        QCOMPARE(meter.snapshot(start + 60s).remainingMs.value(), 0);
    }

    // Rate falls from 1 s to 3 s a batch: the estimate lies between the two and moves towards the newer.
    void rateIsSmoothed() {
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        meter.report({"train", 0, 100, ""}, start);
        meter.report({"train", 1, 100, ""}, start + 1s);
        meter.report({"train", 2, 100, ""}, start + 4s);
        const double first = 1.0 / meter.snapshot(start + 4s).unitsPerSecond;
        QVERIFY(first > 1.0 && first < 3.0);
        meter.report({"train", 3, 100, ""}, start + 7s);
        const double second = 1.0 / meter.snapshot(start + 7s).unitsPerSecond;
        QVERIFY(second > first && second < 3.0);
    }

    void neverGoesBackwardsWithinAStage() {
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        meter.report({"calibrate", 5, 8, "five"}, start);
        meter.report({"calibrate", 3, 8, "three"}, start + 1s);
        QCOMPARE(meter.snapshot(start + 1s).done, 5);
        QCOMPARE(meter.snapshot(start + 1s).detail, std::string("five"));
    }

    void aNewStageStartsOver_data() {
        QTest::addColumn<QString>("stage");
        QTest::addColumn<int>("total");
        QTest::newRow("new name") << "evaluate" << 8;
        QTest::newRow("new total") << "calibrate" << 9;
        QTest::newRow("complete before") << "calibrate" << 8;
    }
    void aNewStageStartsOver() {
        QFETCH(QString, stage);
        QFETCH(int, total);
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        meter.report({"calibrate", 0, 8, ""}, start);
        meter.report({"calibrate", 8, 8, ""}, start + 8s);
        meter.report({stage.toStdString(), 1, total, ""}, start + 9s);
        const JobProgress shown = meter.snapshot(start + 9s);
        QCOMPARE(shown.done, 1);
        QCOMPARE(shown.elapsedMs, 9000);  // of the job, not of the stage
        QVERIFY(!shown.remainingMs);      // the old stage's rate says nothing about the new one
    }

    void unknownTotalHasNoFraction() {
        const ProgressMeter::Clock::time_point start{};
        ProgressMeter meter(start);
        meter.report({"open engine", 0, 0, "loading"}, start);
        QVERIFY(!meter.snapshot(start).fraction());
        QVERIFY(!meter.snapshot(start + 5s).remainingMs);
    }

    void memoryIsThatOfTheProcess() {
        experiments::PeakMemory memory;
        const std::int64_t before = memory.sample();
        QVERIFY(before > 1024 * 1024);
        QVERIFY(memory.peakBytes() >= before);
        // Touched, so that it is resident.
        constexpr std::int64_t kBytes = 64LL * 1024 * 1024;
        {
            const std::vector<char> ballast(kBytes, 1);
            QVERIFY(memory.sample() >= before + kBytes / 2);
        }
        memory.sample();
        QVERIFY(memory.peakBytes() >= before + kBytes / 2);  // remembered after the memory is gone
    }
};

QTEST_GUILESS_MAIN(TestProgressMeter)
#include "test_progress_meter.moc"
