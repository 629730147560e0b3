#include "core/util/worker_pool.h"

#include <QtTest>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using bitlathe::core::WorkerPool;

class TestWorkerPool : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void sharedWorkIsDoneOnce_data() {
        QTest::addColumn<int>("helpers");
        QTest::newRow("alone") << 0;
        QTest::newRow("one helper") << 1;
        QTest::newRow("three helpers") << 3;
    }
    void sharedWorkIsDoneOnce() {
        QFETCH(int, helpers);
        WorkerPool pool(helpers);
        for (int call = 0; call < 200; ++call) {
            constexpr int kTasks = 50;
            std::vector<std::atomic<int>> done(kTasks);
            std::atomic<int> next{0};
            std::atomic<bool> isIndexWrong{false};
            pool.run(helpers, [&](int worker) {
                isIndexWrong = isIndexWrong || worker < 0 || worker > helpers;
                for (int i = next++; i < kTasks; i = next++) {
                    ++done[static_cast<std::size_t>(i)];
                }
            });
            QVERIFY(!isIndexWrong);
            for (const std::atomic<int>& count : done) {
                QCOMPARE(count.load(), 1);
            }
        }
    }

    void onlyTheInvitedHelp() {
        WorkerPool pool(3);
        std::atomic<int> highest{0};
        for (int call = 0; call < 100; ++call) {
            pool.run(1, [&](int worker) {
                if (worker > highest) {
                    highest = worker;
                }
            });
        }
        QVERIFY(highest <= 1);
    }

    void helpersRunBesideTheCaller() {
        WorkerPool pool(1);
        std::atomic<bool> hasHelped{false};
        pool.run(1, [&](int worker) {
            if (worker == 1) {
                hasHelped = true;
            }
            while (!hasHelped) {  // ends only when the helper comes
                std::this_thread::yield();
            }
        });
        QVERIFY(hasHelped);
    }

    void failuresOfAnyReachTheCaller() {
        WorkerPool pool(1);
        for (const int failing : {0, 1}) {
            std::atomic<bool> hasFailed{false};
            const auto work = [&](int worker) {
                if (worker == failing) {
                    hasFailed = true;
                    throw std::runtime_error("failed");
                }
                while (!hasFailed && failing == 1) {
                    std::this_thread::yield();
                }
            };
            QVERIFY_EXCEPTION_THROWN(pool.run(1, work), std::runtime_error);
        }
        std::atomic<int> calls{0};
        pool.run(1, [&](int) { ++calls; });  // and it goes on
        QVERIFY(calls >= 1);
    }
};

QTEST_GUILESS_MAIN(TestWorkerPool)
#include "test_worker_pool.moc"
