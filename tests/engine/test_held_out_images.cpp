#include "engine/training/checkpoint.h"

#include "core/types/error.h"
#include "tests/support/bar_training.h"

#include <QTemporaryDir>
#include <QtTest>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace bitlathe;
using tests::Bench;
using tests::isSamePlan;

namespace {

/// Bars, with how often one was looked at. With `isMisleading` the labels are of the next class, so that what is best
/// on them is not what is best on the others.
class WatchedBars final : public core::Dataset {
public:
    WatchedBars(std::int64_t size, bool isMisleading) : m_bars(size), m_isMisleading(isMisleading) {}

    std::string name() const override { return m_bars.name(); }
    std::int64_t size() const override { return m_bars.size(); }
    core::Shape sampleShape() const override { return m_bars.sampleShape(); }
    std::vector<std::string> classNames() const override { return m_bars.classNames(); }
    int label(std::int64_t index) const override { return m_bars.label(index + (m_isMisleading ? 1 : 0)); }
    void pixels(std::int64_t index, std::span<std::uint8_t> out) const override {
        ++reads;
        m_bars.pixels(index, out);
    }
    const std::string& hash() const override { return m_bars.hash(); }

    mutable std::int64_t reads = 0;

private:
    tests::BarDataset m_bars;
    bool m_isMisleading;
};

struct HeldOutBench : Bench {
    std::shared_ptr<WatchedBars> testBars = std::make_shared<WatchedBars>(60, false);
    core::BatchSource watchedTest{testBars, tests::barSpec(), {}};
    core::BatchSource validation{std::make_shared<WatchedBars>(90, true), tests::barSpec(), {}};

    core::Graph untrained = tests::barNet();

    HeldOutBench() {
        options.epochs = 4;
        options.keep = core::KeptWeights::Best;
    }
    core::TrainTask task(bool isQuantized = true) {
        core::TrainTask task = Bench::task();
        task.testData = &watchedTest;
        task.validationData = &validation;
        if (!isQuantized) {
            task.graph = &untrained;
            task.quantization.reset();
        }
        return task;
    }
};

}  // namespace

/// Epochs are compared on the held-out images, and the test images are read once.
class TestHeldOutImages : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theyChooseTheBestEpoch_data() {
        QTest::addColumn<bool>("isQuantized");
        QTest::newRow("float") << false;
        QTest::newRow("quantized") << true;
    }
    void theyChooseTheBestEpoch() {
        QFETCH(bool, isQuantized);
        HeldOutBench bench;
        if (!isQuantized) {
            bench.options.learningRate = 0.003;  // from random weights, a few steps long undecided
        }
        std::vector<std::int64_t> correct;
        core::TrainObserver observer;
        observer.onEpoch = [&](const core::EpochReport& report) {
            QCOMPARE(bench.testBars->reads, std::int64_t{0});
            QCOMPARE(report.test.samples, std::int64_t{0});
            QVERIFY(report.validation.has_value());
            QCOMPARE(report.validation->samples, std::int64_t{90});
            correct.push_back(report.measured().correct);
        };
        const core::TrainResult result = bench.engine.train(bench.task(isQuantized), {}, observer);
        QCOMPARE(correct.size(), std::size_t{4});
        const auto best = std::max_element(correct.begin(), correct.end());
        QVERIFY2(*best > correct.back(),
                 "misleading labels are met worse and worse while the bars are learned");
        QCOMPARE(result.epoch, static_cast<std::int64_t>(best - correct.begin()) + 1);
        QCOMPARE(result.validation->correct, *best);
        QVERIFY(!result.isChosenByTest);
        QCOMPARE(bench.testBars->reads, std::int64_t{60});

        const core::PreparedModel model = isQuantized
                                              ? core::preparedFor(core::prepare(result.graph), bench.config)
                                              : core::prepare(result.graph);
        QCOMPARE(bench.engine.evaluate(model, result.plan, bench.validation, {}).correct, *best);
        // Float is measured with its batch norm as it stands, here folded: some roundings of float32.
        const double meanLoss = bench.engine.evaluate(model, result.plan, bench.watchedTest, {}).meanLoss;
        QVERIFY(std::fabs(meanLoss - result.test.meanLoss) < 1e-6);
    }

    void withoutThemTheResultSaysSo() {
        HeldOutBench bench;
        core::TrainTask task = bench.task();
        task.validationData = nullptr;
        const core::TrainResult best = bench.engine.train(task, {}, {});
        QVERIFY(best.isChosenByTest);
        QVERIFY(!best.validation.has_value());
        task.options.keep = core::KeptWeights::Last;
        QVERIFY(!bench.engine.train(task, {}, {}).isChosenByTest);
        task.options.keep = core::KeptWeights::Best;
        task.options.epochs = 1;  // nothing to choose from
        QVERIFY(!bench.engine.train(task, {}, {}).isChosenByTest);
    }

    void aStopKeepsTheBestOnThem() {
        HeldOutBench bench;
        core::RunContext context;
        core::RunContext handle = context;  // copies share the requests
        std::int64_t best = -1;
        core::TrainObserver observer;
        observer.onEpoch = [&](const core::EpochReport& report) {
            best = std::max(best, report.measured().correct);
            if (report.epoch == 2) {
                handle.requestStop();
            }
        };
        const core::TrainResult result = bench.engine.train(bench.task(), context, observer);
        QVERIFY(result.isStoppedEarly);
        QCOMPARE(result.validation->correct, best);
        QCOMPARE(result.test.samples, std::int64_t{60});
    }

    void resumedChoosesTheSame_data() {
        QTest::addColumn<int>("stopAt");
        QTest::newRow("before the best epoch") << 3;
        QTest::newRow("behind it") << 20;
    }
    void resumedChoosesTheSame() {
        QFETCH(int, stopAt);
        HeldOutBench bench;
        bench.options.checkpointMinutes = 1e-9;
        const core::TrainResult whole = bench.engine.train(bench.task(), {}, {});
        const QTemporaryDir folder;
        bench.folder = folder.path().toStdString();
        core::RunContext* own = nullptr;
        core::RunContext context([&](const core::Progress& progress) {
            if (progress.stage.empty() && progress.done == stopAt) {
                own->requestCancel();
            }
        });
        own = &context;
        QVERIFY_EXCEPTION_THROWN(bench.engine.train(bench.task(), context, {}), core::Cancelled);
        core::TrainTask task = bench.task();
        task.resumeFolder = bench.folder;
        const core::TrainResult resumed = bench.engine.train(task, {}, {});
        QCOMPARE(core::graphHash(resumed.graph), core::graphHash(whole.graph));
        QVERIFY(isSamePlan(resumed.plan, whole.plan));
        QCOMPARE(resumed.epoch, whole.epoch);
        QCOMPARE(resumed.validation->meanLoss, whole.validation->meanLoss);
        QCOMPARE(resumed.test.meanLoss, whole.test.meanLoss);

        task.validationData = nullptr;  // would compare the epochs to come with others on other images
        QVERIFY_EXCEPTION_THROWN(bench.engine.train(task, {}, {}), core::Error);
    }
};

QTEST_GUILESS_MAIN(TestHeldOutImages)
#include "test_held_out_images.moc"
