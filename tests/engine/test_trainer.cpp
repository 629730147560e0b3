#include "engine/graph_executor.h"
#include "engine/optimizers/sgd.h"
#include "engine/process_setup.h"
#include "engine/tensor_bridge.h"
#include "engine/training/trainer.h"

#include "core/train/one_cycle.h"
#include "core/types/error.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/core/grad_mode.h>

#include <QtTest>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

using namespace bitlathe;
using tests::randomTensor;

namespace {

core::FloatTensor filled(std::int64_t count, float value) {
    return {{count}, std::vector<float>(static_cast<std::size_t>(count), value)};
}

/// conv - batch norm - relu6 - pool - linear for bars of 12×12.
core::Graph barNet() {
    core::Graph graph;
    graph.name = "bar_net";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
    core::Conv2dOp conv;
    conv.weight = randomTensor({8, 1, 5, 5}, 1, 0.3F);
    conv.stride = {2, 2};
    core::NodeId x = graph.append("conv", conv, {0});
    x = graph.append(
        "bn", core::BatchNormOp{filled(8, 1), filled(8, 0), filled(8, 0), filled(8, 1), 1e-5, 0.1}, {x});
    x = graph.append("act", core::ClampOp{0, 6}, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    graph.output = graph.append("head", core::LinearOp{randomTensor({3, 128}, 2, 0.05F), filled(3, 0)}, {x});
    core::inferShapes(graph, {1, 1, 12, 12});
    return graph;
}

core::BatchSource batches(std::int64_t size, std::uint64_t seed) {
    core::BatchSource::Options options;
    options.batchSize = 16;
    options.shuffle = core::Seed{seed};
    options.augmentation = {true, 1};
    return tests::barBatches(size, options);
}

core::Graph trainOn(const core::Graph& graph, const core::BatchSource& data, const core::BatchSource& test,
                    const core::TrainOptions& options, const core::RunContext& context = {},
                    const std::function<void(const core::EpochReport&)>& onEpoch = {}) {
    core::TrainTask task;
    task.graph = &graph;
    task.trainData = &data;
    task.testData = &test;
    task.options = options;
    core::TrainObserver observer;
    observer.onEpoch = onEpoch;
    return engine::train(task, context, observer).graph;
}

core::Graph trainBars(const core::TrainOptions& options, std::uint64_t seed = 5,
                      const std::function<void(const core::EpochReport&)>& onEpoch = {},
                      const core::RunContext& context = {}) {
    core::BatchSource::Options test;
    return trainOn(barNet(), batches(96, seed), tests::barBatches(30, test), options, context, onEpoch);
}

core::TrainOptions shortOptions() {
    core::TrainOptions options;
    options.epochs = 3;
    options.learningRate = 0.05;
    return options;
}

}  // namespace

class TestTrainer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { engine::setComputeThreads(1); }

    void oneCycleHitsItsCorners() {
        const core::OneCycle schedule(0.2, 1000);
        // Start max/25, peak at step 0.3 * 1000 - 1, end at max/25/10000 (OneCycleLR's definition).
        QVERIFY(std::fabs(schedule.rate(0) - 0.008) < 1e-12);
        QVERIFY(std::fabs(schedule.rate(299) - 0.2) < 1e-12);
        QVERIFY(std::fabs(schedule.rate(999) - 0.008 / 1e4) < 1e-12);
        // Half way down the cosine: the mean of both ends.
        QVERIFY(std::fabs(schedule.rate(649) - (0.2 + 0.008 / 1e4) / 2) < 1e-12);
        for (std::int64_t step = 1; step < 1000; ++step) {
            QVERIFY((schedule.rate(step) > schedule.rate(step - 1)) == (step <= 299));
        }
        QVERIFY(core::OneCycle(0.2, 1).rate(0) == 0.2);
        QVERIFY(std::isfinite(core::OneCycle(0.2, 2).rate(1)));
    }

    void sgdStepsByHand() {
        at::Tensor p = engine::wrap({{2}, {1, -2}}).clone().requires_grad_(true);
        engine::Sgd sgd({{"p", core::ParameterKind::Conv, p, {1, 0.5}}}, 0.9);
        const auto step = [&](float gradient) {
            p.mutable_grad() = engine::wrap({{2}, {gradient, gradient}}).clone();
            sgd.step(0.1);
        };
        // g = 1 + 0.5 * 1 = 1.5, v = 1.5, p = 1 - 0.1 * (1.5 + 0.9 * 1.5) = 0.715;  -2: g = 0, stays
        step(1);
        tests::compareTensors(p.detach(), engine::wrap({{2}, {0.715F, -2.0F}}), 1e-6);
        // g = 2 + 0.3575 = 2.3575, v = 0.9 * 1.5 + 2.3575 = 3.7075, p = 0.715 - 0.1 * (2.3575 + 3.33675) =
        // 0.145575 second: g = 2 - 1 = 1, v = 1, p = -2 - 0.1 * 1.9 = -2.19
        step(2);
        tests::compareTensors(p.detach(), engine::wrap({{2}, {0.145575F, -2.19F}}), 1e-6);
        QVERIFY(!p.grad().defined());
    }

    void itLearns() {
        core::TrainOptions options = shortOptions();
        options.epochs = 6;
        std::vector<core::EpochReport> reports;
        trainBars(options, 5, [&](const core::EpochReport& report) { reports.push_back(report); });
        QCOMPARE(reports.size(), std::size_t{6});
        QCOMPARE(reports.back().epoch, std::int64_t{6});
        QVERIFY(reports.back().trainLoss < 0.5 * reports.front().trainLoss);
        QVERIFY(reports.back().test.top1Percent() >
                90);  // the bars are 120 grey levels apart in 100 of noise
        QCOMPARE(reports.back().test.samples, std::int64_t{30});
    }

    /// The float step lets batch norm do the clamp behind it; a hook between the two keeps them apart.
    void theFusedClampChangesNoBit() {
        const core::Graph graph = barNet();
        core::Batch batch;
        batches(96, 5).read(0, batch);
        const auto step = [&](bool isFused) {
            engine::GraphExecutor executor(graph, engine::ExecutionMode::Training);
            int clamps = 0;
            for (core::NodeId id = 0; id < static_cast<core::NodeId>(graph.nodes.size()); ++id) {
                clamps += executor.soleClampBehind(id) >= 0 ? 1 : 0;
                if (!isFused && std::holds_alternative<core::BatchNormOp>(graph.node(id).op)) {
                    executor.setHook(id, [](at::Tensor value) { return value; });
                }
            }
            std::vector<at::Tensor> all{executor.run(engine::wrapImages(batch))};
            all.front().square().sum().backward();
            for (core::NodeId id = 0; id < static_cast<core::NodeId>(graph.nodes.size()); ++id) {
                const engine::NodeTensors& tensors = executor.tensors(id);
                for (const at::Tensor& learned :
                     {tensors.weight, tensors.bias, tensors.gamma, tensors.beta}) {
                    all.push_back(learned.defined() ? learned.grad() : at::Tensor());
                }
                all.push_back(tensors.variance);
            }
            return std::pair(all, clamps);
        };
        const auto [fused, clamps] = step(true);
        const auto [apart, others] = step(false);
        QVERIFY(clamps > 0);
        QCOMPARE(others, clamps);
        QCOMPARE(fused.size(), apart.size());
        for (std::size_t i = 0; i < fused.size(); ++i) {
            QCOMPARE(fused[i].defined(), apart[i].defined());
            QVERIFY(!fused[i].defined() || fused[i].equal(apart[i]));
        }
    }

    void theSameSeedGivesTheSameBytes() {
        const std::string first = core::graphHash(trainBars(shortOptions()));
        QCOMPARE(core::graphHash(trainBars(shortOptions())), first);
        QVERIFY(core::graphHash(trainBars(shortOptions(), 6)) != first);
    }

    void theGivenGraphStaysAsItWas() {
        const core::Graph graph = barNet();
        const std::string before = core::graphHash(graph);
        core::BatchSource::Options test;
        const core::Graph trained =
            trainOn(graph, batches(32, 1), tests::barBatches(6, test), shortOptions());
        QCOMPARE(core::graphHash(graph), before);
        QVERIFY(core::graphHash(trained) != before);
        // Every kind of parameter moved, running statistics included.
        const auto& norm = std::get<core::BatchNormOp>(trained.node(2).op);
        QVERIFY(norm.gamma.values()[0] != 1 && norm.beta.values()[0] != 0);
        QVERIFY(norm.mean.values()[0] != 0 && norm.variance.values()[0] != 1);
        QVERIFY(std::get<core::LinearOp>(trained.node(5).op).bias.values()[0] != 0);
    }

    void batchNormAveragesAsPyTorchDoes() {
        // One step with rate ~0: running mean = 0.9 * 0 + 0.1 * batch mean.
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
        core::NodeId x = graph.append(
            "bn", core::BatchNormOp{filled(1, 1), filled(1, 0), filled(1, 0), filled(1, 1), 1e-5, 0.1}, {0});
        x = graph.append("flatten", core::FlattenOp{}, {x});
        graph.output = graph.append("head", core::LinearOp{randomTensor({3, 144}, 2, 0.01F), {}}, {x});
        core::inferShapes(graph, {1, 1, 12, 12});
        core::BatchSource::Options plain;
        plain.batchSize = 8;
        const core::BatchSource data = tests::barBatches(8, plain);
        core::TrainOptions options;
        options.epochs = 1;
        options.learningRate = 1e-9;
        const core::Graph trained = trainOn(graph, data, data, options);
        core::Batch batch;
        data.read(0, batch);
        double sum = 0;
        double squares = 0;
        for (const float value : batch.images) {
            sum += static_cast<double>(value);
            squares += static_cast<double>(value) * static_cast<double>(value);
        }
        const auto count = static_cast<double>(batch.images.size());
        const double unbiased = (squares - sum * sum / count) / (count - 1);
        const auto& norm = std::get<core::BatchNormOp>(trained.node(1).op);
        QVERIFY(std::fabs(static_cast<double>(norm.mean.values()[0]) - 0.1 * sum / count) < 1e-6);
        QVERIFY(std::fabs(static_cast<double>(norm.variance.values()[0]) - (0.9 + 0.1 * unbiased)) < 1e-6);
    }

    void decayActsOnWeightsAlone() {
        core::TrainOptions options;
        options.epochs = 1;
        options.learningRate = 1e-9;  // only a huge decay can move anything
        options.optimizer.params["momentum"] = 0;
        options.weightDecay = 1e6;
        const core::Graph trained = trainBars(options);
        const float before = std::get<core::Conv2dOp>(barNet().node(1).op).weight.values()[0];
        const float after = std::get<core::Conv2dOp>(trained.node(1).op).weight.values()[0];
        QVERIFY(std::fabs(after) < 0.999F * std::fabs(before));
        QVERIFY(std::fabs(std::get<core::BatchNormOp>(trained.node(2).op).gamma.values()[0] - 1) < 1e-6F);
    }

    void divergenceIsNamed() {
        core::TrainOptions options = shortOptions();
        options.learningRate = 1e30;
        try {
            trainBars(options);
            QFAIL("a loss that is not finite went unnoticed");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::NonFiniteInput);
            QVERIFY2(QString(error.what()).contains("epoch 1 of 3, batch"), error.what());
        }
    }

    void cancelStopsAtTheNextBatch() {
        std::int64_t seen = 0;
        core::RunContext* own = nullptr;
        core::RunContext context([&](const core::Progress& progress) {
            seen = progress.done;
            if (progress.done == 3) {
                own->requestCancel();
            }
        });
        own = &context;
        QVERIFY_EXCEPTION_THROWN(trainBars(shortOptions(), 5, {}, context), core::Cancelled);
        QCOMPARE(seen, std::int64_t{3});
    }

    void wrongOptionsAreRefused_data() {
        QTest::addColumn<int>("which");
        for (int i = 0; i < 5; ++i) {
            QTest::newRow(qPrintable(QString::number(i))) << i;
        }
    }
    void wrongOptionsAreRefused() {
        QFETCH(int, which);
        core::TrainOptions options = shortOptions();
        switch (which) {
        case 0:
            options.epochs = 0;
            break;
        case 1:
            options.learningRate = 0;
            break;
        case 2:
            options.learningRate = std::numeric_limits<double>::quiet_NaN();
            break;
        case 3:
            options.optimizer.params["momentum"] = 1;
            break;
        default:
            options.labelSmoothing = 1;
            break;
        }
        try {
            trainBars(options);
            QFAIL("accepted");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::InvalidConfig);
        }
    }
};

QTEST_GUILESS_MAIN(TestTrainer)
#include "test_trainer.moc"
