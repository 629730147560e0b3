#include "experiments/jobs/latest_wins.h"
#include "tests/support/patience.h"

#include <QSemaphore>
#include <QSignalSpy>
#include <QThread>
#include <QtTest>

#include <atomic>
#include <stdexcept>

using bitlathe::experiments::LatestWins;

class TestLatestWins : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void deliversOnTheCallersThread() {
        LatestWins preview;
        QThread* worker = nullptr;
        QThread* deliverer = nullptr;
        preview.start([&]() -> LatestWins::Delivery {
            worker = QThread::currentThread();
            return [&] { deliverer = QThread::currentThread(); };
        });
        QTRY_VERIFY_WITH_TIMEOUT(deliverer != nullptr, bitlathe::tests::kPatienceMs);
        QCOMPARE(deliverer, thread());
        QVERIFY(worker != thread());
        QVERIFY(!preview.isBusy());
    }

    // Ten starts while the first still calculates: the first is stale, eight are never calculated, the last
    // is shown.
    void onlyTheNewestIsDelivered() {
        LatestWins preview;
        QSemaphore gate;
        std::atomic<int> calculations = 0;
        QList<int> delivered;
        for (int i = 0; i < 10; ++i) {
            preview.start([&, i]() -> LatestWins::Delivery {
                ++calculations;
                gate.acquire();
                return [&, i] { delivered.append(i); };
            });
        }
        gate.release(10);
        QTRY_VERIFY_WITH_TIMEOUT(!preview.isBusy(), bitlathe::tests::kPatienceMs);
        QCOMPARE(delivered, QList<int>{9});
        QCOMPARE(calculations.load(), 2);
    }

    void cancelDropsWhatRuns() {
        LatestWins preview;
        bool isDelivered = false;
        preview.start([&]() -> LatestWins::Delivery { return [&] { isDelivered = true; }; });
        preview.cancel();
        QTRY_VERIFY_WITH_TIMEOUT(!preview.isBusy(), bitlathe::tests::kPatienceMs);
        QVERIFY(!isDelivered);
    }

    void failureOfTheNewestIsReported() {
        LatestWins preview;
        QSignalSpy failures(&preview, &LatestWins::failed);
        preview.start([]() -> LatestWins::Delivery { throw std::runtime_error("no histogram"); });
        QVERIFY(failures.wait(bitlathe::tests::kPatienceMs));
        QCOMPARE(failures.first().first().toString(), QStringLiteral("no histogram"));
    }

    void destructionWhileRunningDeliversNothing() {
        bool isDelivered = false;
        std::atomic<bool> isFinished = false;
        {
            LatestWins preview;
            preview.start([&]() -> LatestWins::Delivery {
                isFinished = true;
                return [&] { isDelivered = true; };
            });
        }
        QVERIFY(isFinished);
        QCoreApplication::processEvents();
        QVERIFY(!isDelivered);
    }
};

QTEST_GUILESS_MAIN(TestLatestWins)
#include "test_latest_wins.moc"
