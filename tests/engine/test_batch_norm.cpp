#include "engine/batch_norm_op.h"
#include "engine/graph_executor.h"
#include "engine/straight_through.h"
#include "engine/tensor_bridge.h"

#include "core/types/error.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/Parallel.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/var_mean.h>

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

engine::NodeTensors parameters(std::int64_t channels, at::ScalarType type) {
    const auto of = [&](unsigned seed) {
        return engine::wrap(randomTensor({channels}, seed)).to(type).clone();
    };
    engine::NodeTensors tensors;
    tensors.gamma = of(1).requires_grad_(true);
    tensors.beta = of(2).requires_grad_(true);
    tensors.mean = of(3);
    tensors.variance = of(4).abs();
    return tensors;
}

/// LibTorch's own operators in double.
at::Tensor reference(const at::Tensor& x, const engine::NodeTensors& tensors, const core::BatchNormOp& op,
                     const std::optional<core::ClampOp>& clamp) {
    const at::Tensor y = at::batch_norm(x, tensors.gamma, tensors.beta, tensors.mean, tensors.variance, true,
                                        op.momentum, op.epsilon, false);
    if (!clamp) {
        return y;
    }
    return std::isinf(clamp->upper) ? at::relu(y) : at::hardtanh(y, clamp->lower, clamp->upper);
}

}  // namespace

class TestBatchNorm : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() { at::set_num_threads(1); }

    void equalsLibTorch_data() {
        QTest::addColumn<int>("channels");
        QTest::addColumn<double>("lower");
        QTest::addColumn<double>("upper");
        QTest::addColumn<double>("mean");
        for (const int channels : {1, 3, 16, 64, 100, 144}) {
            QTest::addRow("%d", channels) << channels << -kInfinity << kInfinity << 0.0;
            QTest::addRow("%d relu", channels) << channels << 0.0 << kInfinity << 0.0;
            QTest::addRow("%d relu6", channels) << channels << 0.0 << 1.0 << 0.0;
        }
        QTest::addRow("large mean") << 8 << 0.0 << 1.0 << 1000.0;
    }
    void equalsLibTorch() {
        QFETCH(int, channels);
        QFETCH(double, lower);
        QFETCH(double, upper);
        QFETCH(double, mean);
        std::optional<core::ClampOp> clamp;
        if (!std::isinf(lower)) {
            clamp = core::ClampOp{lower, upper};
        }
        const core::Shape shape{5, channels, 9, 7};
        const at::Tensor values = engine::wrap(randomTensor(shape, 5)).add(mean);
        const at::Tensor gradient = engine::wrap(randomTensor(shape, 6));
        core::BatchNormOp op;
        const engine::NodeTensors own = parameters(channels, at::kFloat);
        const engine::NodeTensors wide = parameters(channels, at::kDouble);
        const at::Tensor x = engine::toChannelsLast(values).clone().requires_grad_(true);
        const at::Tensor wideX = values.to(at::kDouble).clone().requires_grad_(true);
        const at::Tensor y = engine::batchNormForTraining(x, {}, own, op, {clamp, {}});
        const at::Tensor expected = reference(wideX, wide, op, clamp);
        // x - mean loses log2(|mean| / deviation) of float's 24 bits before anything is computed.
        const double tolerance = mean == 0 ? 1e-5 : 1e-3;
        compareTensors(y.to(at::kDouble), expected, tolerance, tolerance);
        compareTensors(own.mean.to(at::kDouble), wide.mean, tolerance, 1e-6);
        compareTensors(own.variance.to(at::kDouble), wide.variance, tolerance, 1e-6);
        if (mean != 0) {
            return;  // values at the clamp's ends fall to either side
        }
        y.backward(gradient);
        expected.backward(gradient.to(at::kDouble));
        compareTensors(x.grad().to(at::kDouble), wideX.grad(), 2e-5, 1e-4);
        compareTensors(own.gamma.grad().to(at::kDouble), wide.gamma.grad(), 2e-4, 1e-5);
        compareTensors(own.beta.grad().to(at::kDouble), wide.beta.grad(), 2e-4, 1e-5);
    }

    void aFactorIsDividedOutAgain() {
        const core::Shape shape{5, 6, 9, 7};
        const at::Tensor values = engine::wrap(randomTensor(shape, 15));
        const at::Tensor gradient = engine::wrap(randomTensor(shape, 16));
        core::BatchNormOp op;
        op.epsilon = 0.05;  // large, so that the factor's own gradient shows
        const engine::NodeTensors own = parameters(6, at::kFloat);
        const engine::NodeTensors wide = parameters(6, at::kDouble);
        const at::Tensor factor =
            engine::wrap({{6}, {0.5F, -2, 3, 0.1F, 1, -0.7F}}).clone().requires_grad_(true);
        const at::Tensor wideFactor = factor.detach().to(at::kDouble).requires_grad_(true);
        const at::Tensor x = engine::toChannelsLast(values).clone().requires_grad_(true);
        const at::Tensor wideX = values.to(at::kDouble).clone().requires_grad_(true);
        const at::Tensor y = engine::batchNormForTraining(x, factor, own, op, {core::ClampOp{0, 1}, {}});
        const at::Tensor expected =
            reference(wideX.div(wideFactor.view({1, 6, 1, 1})), wide, op, core::ClampOp{0, 1});
        compareTensors(y.to(at::kDouble), expected, 1e-5, 1e-5);
        compareTensors(own.mean.to(at::kDouble), wide.mean, 1e-5, 1e-6);
        compareTensors(own.variance.to(at::kDouble), wide.variance, 1e-5, 1e-6);
        y.backward(gradient);
        expected.backward(gradient.to(at::kDouble));
        // Sums of 315 products in float, as above.
        compareTensors(x.grad().to(at::kDouble), wideX.grad(), 2e-4, 1e-4);
        compareTensors(factor.grad().to(at::kDouble), wideFactor.grad(), 1e-3, 1e-4);
        compareTensors(own.gamma.grad().to(at::kDouble), wide.gamma.grad(), 2e-4, 1e-5);
        compareTensors(own.beta.grad().to(at::kDouble), wide.beta.grad(), 2e-4, 1e-5);
    }

    void theGridBehindItIsThatOfASecondPass_data() {
        QTest::addColumn<double>("lower");
        QTest::addColumn<double>("upper");
        QTest::addColumn<double>("share");
        QTest::newRow("all values on the grid") << -kInfinity << kInfinity << 1.0;
        QTest::newRow("a grid narrower than the values") << -kInfinity << kInfinity << 0.3;
        QTest::newRow("relu6 and a narrow grid") << 0.0 << 6.0 << 0.3;
    }
    void theGridBehindItIsThatOfASecondPass() {
        QFETCH(double, lower);
        QFETCH(double, upper);
        QFETCH(double, share);
        const core::Shape shape{7, 12, 11, 9};
        const at::Tensor gradient = engine::wrap(randomTensor(shape, 18));
        const core::BatchNormOp op;
        std::optional<core::ClampOp> clamp;
        if (!std::isinf(lower)) {
            clamp = core::ClampOp{lower, upper};
        }
        core::Range seen;
        core::QParams grid;
        const auto gridFrom = [&](const core::Range& range) {
            seen = range;
            grid.scale = {static_cast<float>(share * range.width() / 15)};
            grid.zeroPoint = {static_cast<std::int32_t>(std::lround(-range.lower / (range.width() / 15)))};
            grid.quantMax = 15;
            return std::optional(grid);
        };
        std::vector<at::Tensor> results;
        for (const bool isOnePass : {true, false}) {
            const engine::NodeTensors tensors = parameters(12, at::kFloat);
            const at::Tensor x = engine::wrap(randomTensor(shape, 17)).clone().requires_grad_(true);
            at::Tensor y = engine::batchNormForTraining(
                x, {}, tensors, op,
                {clamp,
                 isOnePass ? gridFrom : std::function<std::optional<core::QParams>(const core::Range&)>()});
            if (!isOnePass) {
                QCOMPARE(seen.lower, y.detach().min().item().toDouble());
                QCOMPARE(seen.upper, y.detach().max().item().toDouble());
                y = engine::fakeQuantizeStraightThrough(y, grid);
            }
            y.backward(gradient);
            results.insert(results.end(), {y.detach(), x.grad(), tensors.gamma.grad(), tensors.beta.grad()});
        }
        for (std::size_t i = 0; i < 4; ++i) {
            QVERIFY2(at::equal(results[i], results[i + 4]), qPrintable(QString::number(i)));
        }
    }

    void momentsEqualLibTorch() {
        const at::Tensor x = engine::wrap(randomTensor({4, 10, 6, 5}, 14)).add(20);
        const auto [variance, mean] = at::var_mean(x.to(at::kDouble), at::IntArrayRef{0, 2, 3}, false);
        const engine::ChannelMoments moments = engine::channelMoments(x);
        // Rounded to float once, from sums in float over 32 rows.
        compareTensors(moments.mean.to(at::kDouble), mean, 1e-5);
        compareTensors(moments.variance.to(at::kDouble), variance, 1e-5);
    }

    void threadsChangeNoBit() {
        const core::BatchNormOp op;
        std::vector<at::Tensor> results;
        for (const int threads : {1, 2}) {
            at::set_num_threads(threads);
            const engine::NodeTensors tensors = parameters(24, at::kFloat);
            const at::Tensor x = engine::wrap(randomTensor({16, 24, 20, 20}, 7)).clone().requires_grad_(true);
            const at::Tensor y = engine::batchNormForTraining(x, {}, tensors, op, {core::ClampOp{0, 6}, {}});
            y.backward(engine::wrap(randomTensor({16, 24, 20, 20}, 8)));
            results.insert(results.end(), {y.detach(), x.grad(), tensors.gamma.grad(), tensors.mean});
        }
        for (std::size_t i = 0; i < 4; ++i) {
            QVERIFY(at::equal(results[i], results[i + 4]));
        }
    }

    void executorFusesTheClampOnlyWhereNobodyLooks() {
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 4, 6, 6}});
        core::BatchNormOp op;
        op.gamma = randomTensor({4}, 9);
        op.beta = randomTensor({4}, 10);
        op.mean = randomTensor({4}, 11);
        op.variance = core::FloatTensor({4}, {1, 2, 3, 4});
        const core::NodeId norm = graph.append("norm", op, {0});
        graph.output = graph.append("act", core::ClampOp{0, 1}, {norm});
        core::inferShapes(graph, {1, 4, 6, 6});
        const core::FloatTensor x = randomTensor({3, 4, 6, 6}, 12);
        const engine::GraphExecutor fused(graph, engine::ExecutionMode::Training);
        engine::GraphExecutor watched(graph, engine::ExecutionMode::Training);
        at::Tensor seen;
        watched.setHook(norm, [&](at::Tensor value) {
            seen = value;
            return value;
        });
        const at::Tensor expected = fused.run(engine::wrap(x));
        compareTensors(watched.run(engine::wrap(x)), expected, 0);
        QVERIFY(seen.min().item().toDouble() < 0);
        compareTensors(at::hardtanh(seen, 0, 1), expected, 0);
    }

    void oneValueAChannelIsRefused() {
        const core::BatchNormOp op;
        QVERIFY_EXCEPTION_THROWN(engine::batchNormForTraining(engine::wrap(randomTensor({1, 3, 1, 1}, 13)),
                                                              {}, parameters(3, at::kFloat), op, {}),
                                 core::Error);
    }
};

QTEST_GUILESS_MAIN(TestBatchNorm)
#include "test_batch_norm.moc"
