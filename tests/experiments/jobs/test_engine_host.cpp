#include "experiments/jobs/engine_host.h"
#include "experiments/jobs/job.h"
#include "tests/support/fake_engine.h"
#include "tests/support/patience.h"

#include <QSignalSpy>
#include <QtTest>

#include <atomic>

using namespace bitlathe;
using experiments::EngineHost;

namespace {

QList<EngineHost::State> statesOf(const QSignalSpy& spy) {
    QList<EngineHost::State> states;
    for (const QList<QVariant>& arguments : spy) {
        states.append(arguments.first().value<EngineHost::State>());
    }
    return states;
}

}  // namespace

class TestEngineHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void opensOnceOnTheJobThread() {
        std::atomic<int> openings = 0;
        std::thread::id opener;
        EngineHost host([&] {
            ++openings;
            opener = std::this_thread::get_id();
            return std::make_shared<tests::FakeEngine>();
        });
        QCOMPARE(host.state(), EngineHost::State::NotStarted);
        QSignalSpy changes(&host, &EngineHost::stateChanged);
        host.warmUp();
        host.warmUp();
        host.pool().start([&] { host.require(); });
        QTRY_COMPARE_WITH_TIMEOUT(host.state(), EngineHost::State::Ready, tests::kPatienceMs);
        host.pool().waitForDone();
        QCoreApplication::processEvents();
        QCOMPARE(openings.load(), 1);
        QVERIFY(opener != std::this_thread::get_id());
        QCOMPARE(host.info()->torchVersion, std::string("fake 1.0"));
        QCOMPARE(statesOf(changes).last(), EngineHost::State::Ready);
        QVERIFY(host.failureText().empty());
    }

    void aJobOpensItWithoutWarmUp() {
        EngineHost host([] { return std::make_shared<tests::FakeEngine>(); });
        QSignalSpy changes(&host, &EngineHost::stateChanged);
        host.pool().start([&] { host.require(); });
        host.pool().waitForDone();
        QCoreApplication::processEvents();
        const QList<EngineHost::State> expected{EngineHost::State::Loading, EngineHost::State::Ready};
        QCOMPARE(statesOf(changes), expected);
    }

    void keepsTheFailureAndTriesAgainWhenAsked() {
        std::atomic<bool> isInstalled = false;
        std::atomic<int> attempts = 0;
        EngineHost host([&]() -> std::shared_ptr<core::Engine> {
            ++attempts;
            if (!isInstalled) {
                throw core::Error(core::ErrorCode::EngineUnavailable, "install libtorch-dev");
            }
            return std::make_shared<tests::FakeEngine>();
        });
        host.warmUp();
        QTRY_COMPARE_WITH_TIMEOUT(host.state(), EngineHost::State::Failed, tests::kPatienceMs);
        QCOMPARE(host.failureText(), std::string("install libtorch-dev"));

        // Jobs report the kept text and do not load again and again.
        std::string thrown;
        host.pool().start([&] {
            try {
                host.require();
            } catch (const core::Error& error) {
                thrown = error.what();
            }
        });
        host.pool().waitForDone();
        QCOMPARE(thrown, std::string("install libtorch-dev"));
        QCOMPARE(attempts.load(), 1);

        isInstalled = true;
        host.warmUp();
        QTRY_COMPARE_WITH_TIMEOUT(host.state(), EngineHost::State::Ready, tests::kPatienceMs);
        QVERIFY(host.failureText().empty());
    }

    void destructionWaitsForLoading() {
        std::atomic<bool> isOpen = false;
        {
            EngineHost host([&] {
                isOpen = true;
                return std::make_shared<tests::FakeEngine>();
            });
            host.warmUp();
        }
        QVERIFY(isOpen);
    }
};

QTEST_GUILESS_MAIN(TestEngineHost)
#include "test_engine_host.moc"
