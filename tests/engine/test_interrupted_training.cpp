#include "engine/training/checkpoint.h"

#include "core/types/error.h"
#include "tests/support/bar_training.h"

#include <QTemporaryDir>
#include <QtTest>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include <unistd.h>

using namespace bitlathe;
using tests::Bench;
using tests::isSamePlan;

namespace {

void compareResults(const core::TrainResult& a, const core::TrainResult& b) {
    QCOMPARE(core::graphHash(a.graph), core::graphHash(b.graph));
    QVERIFY(isSamePlan(a.plan, b.plan));
    QCOMPARE(a.test.meanLoss, b.test.meanLoss);
}

/// Lets the next write of the folder's checkpoint meet a full disk: the file it is written to first, whose name
/// core::writeFileAtomically makes from the process, leads to the device that is always full.
void fillDisk(const std::string& folder) {
    std::filesystem::create_symlink("/dev/full", engine::checkpointPath(folder) + "." +
                                                     std::to_string(::getpid()) + ".partial");
}

}  // namespace

/// What may come between the steps of a training changes nothing in it.
class TestInterruptedTraining : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aPauseInsideAnEpochChangesNothing() {
        Bench bench;
        const core::TrainResult whole = bench.run();

        std::atomic<std::int64_t> steps{0};
        std::int64_t stepsAtPause = -1;
        std::int64_t stepsAtResume = -2;
        core::RunContext* own = nullptr;
        std::thread other;
        core::RunContext context([&](const core::Progress& progress) {
            if (progress.isPaused) {
                QVERIFY2(progress.detail.find("epoch 2 of 3, batch 4 of 6") != std::string::npos,
                         progress.detail.c_str());
                stepsAtPause = steps;
                other = std::thread([&] {
                    std::this_thread::sleep_for(std::chrono::milliseconds(200));
                    stepsAtResume = steps;
                    own->requestResume();
                });
            } else if (progress.stage.empty() && progress.done == 8 && stepsAtPause < 0) {
                own->requestPause();  // as from another thread: seen at the next step
            }
        });
        own = &context;
        core::TrainObserver observer;
        observer.onStep = [&](const core::StepReport&) { ++steps; };
        const core::TrainResult paused = bench.run(context, observer);
        other.join();
        QCOMPARE(stepsAtPause, std::int64_t{9});
        QVERIFY2(stepsAtResume == stepsAtPause, "it went on while it was paused");
        QCOMPARE(steps.load(), std::int64_t{18});
        compareResults(paused, whole);
    }

    void aPausedTrainingCanBeCancelled() {
        Bench bench;
        core::RunContext* own = nullptr;
        core::RunContext context([&](const core::Progress& progress) {
            progress.isPaused ? own->requestCancel() : own->requestPause();
        });
        own = &context;
        QVERIFY_EXCEPTION_THROWN(bench.run(context), core::Cancelled);
    }

    void aFullDiskPausesItAndSaysSo() {
        if (!std::filesystem::exists("/dev/full")) {
            QSKIP("this system has no /dev/full");
        }
        Bench bench;
        const core::TrainResult whole = bench.run();
        const QTemporaryDir folder;
        bench.folder = folder.path().toStdString();
        fillDisk(bench.folder);
        int pauses = 0;
        core::RunContext* own = nullptr;
        core::RunContext context([&](const core::Progress& progress) {
            if (!progress.isPaused) {
                return;
            }
            QVERIFY2(progress.detail.find("the disk is full") != std::string::npos, progress.detail.c_str());
            QVERIFY2(progress.detail.find(bench.folder) != std::string::npos, progress.detail.c_str());
            QVERIFY2(!std::filesystem::exists(engine::checkpointPath(bench.folder)), "half a checkpoint");
            if (++pauses == 1) {
                fillDisk(bench.folder);  // still full when it is tried again
            }
        });
        own = &context;
        // Ends each wait as a person who has made room does; left alone it would try again by itself.
        std::atomic<bool> isDone{false};
        std::thread other([&] {
            while (!isDone) {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                own->requestResume();
            }
        });
        const core::TrainResult result = bench.run(context);
        isDone = true;
        other.join();
        QCOMPARE(pauses, 2);
        compareResults(result, whole);
        QVERIFY(engine::Checkpoint::load(engine::checkpointPath(bench.folder)).has_value());
    }

    void anotherFailureOfTheDiskEndsIt() {
        Bench bench;
        const QTemporaryDir folder;
        bench.folder = folder.path().toStdString();
        // A folder where the checkpoint should be: no free space mends that.
        std::filesystem::create_directories(engine::checkpointPath(bench.folder) + "/occupied");
        try {
            bench.run();
            QFAIL("the checkpoint went nowhere");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::Io);
            QVERIFY2(QString(error.what()).contains(engine::checkpointPath(bench.folder).c_str()),
                     error.what());
        }
    }
};

QTEST_GUILESS_MAIN(TestInterruptedTraining)
#include "test_interrupted_training.moc"
