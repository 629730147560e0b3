#include "core/types/error.h"
#include "experiments/store/experiment_log.h"
#include "experiments/store/process_identity.h"
#include "experiments/store/sqlite_experiment_log.h"
#include "tests/support/log_fixtures.h"

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <atomic>
#include <barrier>
#include <csignal>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace bitlathe;
using namespace bitlathe::experiments;
using bitlathe::tests::sampleRun;

namespace {

/// A process that does `work`, writes one byte when done and then waits to be killed.
class Child {
public:
    explicit Child(const std::function<void()>& work) {
        int ends[2];
        if (pipe(ends) != 0) {
            qFatal("no pipe");
        }
        m_id = fork();
        if (m_id == 0) {
            work();
            const ssize_t written = write(ends[1], "x", 1);
            while (written == 1) {
                pause();
            }
            _exit(1);
        }
        close(ends[1]);
        char byte = 0;
        m_isReady = read(ends[0], &byte, 1) == 1;
        close(ends[0]);
    }
    ~Child() { killHard(); }
    bool isReady() const { return m_isReady; }
    pid_t id() const { return m_id; }
    void sendKill() const { kill(m_id, SIGKILL); }
    void killHard() {
        if (m_id > 0) {
            sendKill();
            waitpid(m_id, nullptr, 0);
            m_id = -1;
        }
    }

private:
    pid_t m_id = -1;
    bool m_isReady = false;
};

/// How many of `count` connections that open the same file at the same time got it in the newest schema.
int openTogether(const std::string& path, int count) {
    std::atomic<int> opened{0};
    std::barrier start(count);
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            start.arrive_and_wait();
            try {
                opened += ExperimentLog::open(path)->schemaVersion() == builtinMigrations().back().version;
            } catch (const std::exception& error) {
                qWarning("%s", error.what());
            }
        });
    }
    threads.clear();
    return opened;
}

}  // namespace

class TestLogProcesses : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    std::string path() const { return m_folder->filePath("log.db").toStdString(); }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void killedInTheMiddleARunIsInterruptedAndFinishedOnesAreWhole() {
        Child child([this] {
            static std::unique_ptr<ExperimentLog> log;  // stays open: nothing is tidied up
            log = ExperimentLog::open(path());
            const RunId whole = log->beginRun(sampleRun("finished"));
            log->addMetric(whole, {"top1", 91.0, "%", 10000, 90.4, 91.5});
            log->addLayerStatistics(whole, {{core::LayerId("conv"), "weight", "bits", 8}});
            log->addArtefact(whole, {"onnx_qdq", "/x", "hash", 5});
            log->finishRun(whole, RunStatus::Succeeded);
            const RunId cut = log->beginRun(sampleRun("cut off"));
            log->addMetric(cut, {"top1", 12.0, "%", 10, {}, {}});
        });
        QVERIFY(child.isReady());
        child.killHard();

        const auto log = ExperimentLog::open(path());
        RunQuery query;
        query.isDescending = false;
        const auto runs = log->runs(query);
        QCOMPARE(runs.size(), std::size_t{2});
        QCOMPARE(runs[0].status, RunStatus::Succeeded);
        QCOMPARE(runs[0].metrics.at("top1").upper95.value(), 91.5);
        QCOMPARE(log->layerStatistics(runs[0].id).size(), std::size_t{1});
        QCOMPARE(log->artefacts(runs[0].id).size(), std::size_t{1});
        QCOMPARE(runs[1].status, RunStatus::Interrupted);
        QVERIFY(!runs[1].finishedAt.empty());
        QCOMPARE(runs[1].metrics.at("top1").value, 12.0);  // what was measured stays
    }

    void killedWhileWritingTheLogOpensEachTime() {
        for (int round = 0; round < 5; ++round) {
            const std::int64_t before = round == 0 ? 0 : ExperimentLog::open(path())->runCount({});
            Child child([this] {
                // A thread writes without end; the kill comes at whatever point it has reached.
                std::thread([file = path()] {
                    const auto log = ExperimentLog::open(file);
                    while (true) {
                        const RunId run = log->beginRun(sampleRun());
                        log->addMetric(run, {"top1", 1.0, "%", 1, {}, {}});
                        log->finishRun(run, RunStatus::Succeeded);
                    }
                }).detach();
                usleep(60'000);
            });
            QVERIFY(child.isReady());
            child.killHard();
            const auto log = ExperimentLog::open(path());
            QVERIFY(log->runCount({}) > before);
            for (const RunRecord& run : log->runs({})) {
                QVERIFY(run.status != RunStatus::Succeeded || run.metrics.count("top1") == 1);
            }
        }
    }

    void aLivingProcessKeepsItsRunningRow() {
        Child child([this] {
            static std::unique_ptr<ExperimentLog> log;  // outlives the work
            log = ExperimentLog::open(path());
            log->beginRun(sampleRun("alive"));
        });
        QVERIFY(child.isReady());
        QCOMPARE(ExperimentLog::open(path())->runs({}).at(0).status, RunStatus::Running);
        child.killHard();
        QCOMPARE(ExperimentLog::open(path())->runs({}).at(0).status, RunStatus::Interrupted);
    }

    void aReusedProcessIdIsAnotherProcess() {
        ProcessIdentity identity = currentProcess();
        QVERIFY(isAlive(identity));
        ++identity.startTicks;
        QVERIFY(!isAlive(identity));
        identity = currentProcess();
        identity.bootId = "another boot";
        QVERIFY(!isAlive(identity));
    }

    void anUnreapedChildCountsAsDead() {
        Child child([] {});
        const pid_t id = child.id();
        child.sendKill();
        // waitid with WNOWAIT: it has ended, and its remains stay for Child to reap.
        siginfo_t info{};
        QCOMPARE(waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOWAIT), 0);
        ProcessIdentity identity = currentProcess();
        identity.processId = id;
        for (std::int64_t offset = 0; offset < 3; ++offset) {
            identity.startTicks += offset;
            QVERIFY(!isAlive(identity));
        }
    }

    void whoeverBeganAnInterruptedRowMayStillCloseIt() {
        const auto log = ExperimentLog::open(path());
        const RunId run = log->beginRun(sampleRun());
        log->finishRun(run, RunStatus::Interrupted);
        log->finishRun(run, RunStatus::Succeeded);
        QCOMPARE(log->run(run).status, RunStatus::Succeeded);
    }

    // Who opens while another makes the file must find it empty or whole. The moments between are
    // microseconds, hence the many files.
    void everyoneWhoOpensANewLogAtOnceGetsIt() {
        constexpr int kFiles = 60;
        constexpr int kThreads = 4;
        for (int file = 0; file < kFiles; ++file) {
            const std::string name = m_folder->filePath(QString("new%1.db").arg(file)).toStdString();
            QCOMPARE(openTogether(name, kThreads), kThreads);
        }
    }

    void everyoneWhoOpensAnOldLogAtOnceGetsItMigratedOnce() {
        constexpr int kFiles = 20;
        constexpr int kThreads = 4;
        const std::vector<Migration> old(builtinMigrations().begin(), builtinMigrations().end() - 1);
        LogDatabaseOptions options;
        options.migrations = &old;
        for (int file = 0; file < kFiles; ++file) {
            const std::string name = m_folder->filePath(QString("old%1.db").arg(file)).toStdString();
            { SqliteExperimentLog log(name, options); }
            QCOMPARE(openTogether(name, kThreads), kThreads);
        }
        QCOMPARE(QDir(m_folder->path()).entryList({"*.backup*"}).size(), kFiles);
    }

    void connectionsOfTwoThreadsWriteSideBySide() {
        constexpr int kRuns = 60;
        std::atomic<int> failures{0};
        const auto write = [&](const std::string& name) {
            try {
                const auto log = ExperimentLog::open(path());  // both create the file at the same time
                for (int i = 0; i < kRuns; ++i) {
                    const RunId run = log->beginRun(sampleRun(name, name));
                    log->addMetric(run, {"top1", static_cast<double>(i), "%", 1, {}, {}});
                    log->finishRun(run, RunStatus::Succeeded);
                }
            } catch (const std::exception& error) {
                qWarning("%s", error.what());
                ++failures;
            }
        };
        std::jthread first(write, "first");
        std::jthread second(write, "second");
        const auto reader = ExperimentLog::open(path());
        while (failures == 0 && reader->runCount({}) < kRuns) {
            for (const RunRecord& run : reader->runs({})) {
                QVERIFY(run.status != RunStatus::Interrupted);
            }
        }
        first.join();
        second.join();
        QCOMPARE(failures.load(), 0);
        RunQuery query;
        for (const char* group : {"first", "second"}) {
            query.groupId = group;
            const auto runs = reader->runs(query);
            QCOMPARE(runs.size(), static_cast<std::size_t>(kRuns));
            QCOMPARE(runs.front().metrics.at("top1").value, kRuns - 1.0);
        }
    }
};

QTEST_GUILESS_MAIN(TestLogProcesses)
#include "test_log_processes.moc"
