#include "engine/graph_executor.h"
#include "engine/tensor_bridge.h"

#include "core/types/error.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <QtTest>

#include <limits>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

core::Graph oneOperator(core::Operator op, const core::Shape& input) {
    core::Graph graph;
    graph.nodes.push_back({"input", core::InputOp{}, {}, input});
    graph.output = graph.append("op", std::move(op), {0});
    core::inferShapes(graph, input);
    return graph;
}

at::Tensor runGraph(const core::Graph& graph, const at::Tensor& input) {
    const c10::InferenceMode inference;
    return engine::GraphExecutor(graph, engine::ExecutionMode::Inference).run(input);
}

/// Window pooling and convolution written as the definition reads.
at::Tensor slowPool(const at::Tensor& x, const core::Pool2dOp& op, const core::Shape& outShape) {
    const auto in = x.contiguous();
    const float* const data = in.data_ptr<float>();
    const std::int64_t rows = x.size(2);
    const std::int64_t columns = x.size(3);
    at::Tensor out = at::zeros(outShape);
    float* target = out.data_ptr<float>();
    for (std::int64_t plane = 0; plane < x.size(0) * x.size(1); ++plane) {
        for (std::int64_t i = 0; i < outShape[2]; ++i) {
            for (std::int64_t j = 0; j < outShape[3]; ++j) {
                double sum = 0;
                double best = -kInfinity;
                int counted = 0;
                for (std::int64_t a = 0; a < op.kernel[0]; ++a) {
                    for (std::int64_t b = 0; b < op.kernel[1]; ++b) {
                        const std::int64_t row = i * op.stride[0] - op.padding[0] + a;
                        const std::int64_t column = j * op.stride[1] - op.padding[1] + b;
                        const bool isInside = row >= 0 && row < rows && column >= 0 && column < columns;
                        const bool isPadding = row < rows + op.padding[2] && column < columns + op.padding[3];
                        if (isInside) {
                            const double value = data[(plane * rows + row) * columns + column];
                            sum += value;
                            best = std::max(best, value);
                        }
                        counted += isInside || (op.countIncludePad && isPadding) ? 1 : 0;
                    }
                }
                *target++ = static_cast<float>(op.kind == core::PoolKind::Max ? best : sum / counted);
            }
        }
    }
    return out;
}

}  // namespace

class TestOperators : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void convolution_data() {
        QTest::addColumn<int>("in");
        QTest::addColumn<int>("out");
        QTest::addColumn<int>("kernel");
        QTest::addColumn<int>("stride");
        QTest::addColumn<int>("dilation");
        QTest::addColumn<int>("groups");
        QTest::addColumn<QList<int>>("padding");
        QTest::addColumn<bool>("hasBias");
        QTest::newRow("3x3") << 3 << 8 << 3 << 1 << 1 << 1 << QList<int>{1, 1, 1, 1} << true;
        QTest::newRow("one channel") << 1 << 8 << 3 << 2 << 1 << 1 << QList<int>{1, 1, 1, 1} << false;
        QTest::newRow("pointwise") << 16 << 5 << 1 << 1 << 1 << 1 << QList<int>{0, 0, 0, 0} << true;
        QTest::newRow("depthwise") << 6 << 6 << 3 << 1 << 1 << 6 << QList<int>{1, 1, 1, 1} << true;
        QTest::newRow("groups") << 8 << 4 << 3 << 1 << 1 << 2 << QList<int>{0, 2, 0, 2} << false;
        QTest::newRow("dilated") << 4 << 4 << 3 << 1 << 2 << 1 << QList<int>{2, 2, 2, 2} << true;
        QTest::newRow("uneven") << 4 << 6 << 3 << 2 << 1 << 1 << QList<int>{0, 0, 1, 1} << true;
        QTest::newRow("uneven depthwise") << 4 << 4 << 3 << 2 << 1 << 4 << QList<int>{0, 1, 2, 3} << true;
    }
    void convolution() {
        QFETCH(int, in);
        QFETCH(int, out);
        QFETCH(int, kernel);
        QFETCH(int, stride);
        QFETCH(int, dilation);
        QFETCH(int, groups);
        QFETCH(QList<int>, padding);
        QFETCH(bool, hasBias);
        core::Conv2dOp op;
        op.weight = randomTensor({out, in / groups, kernel, kernel}, 1);
        op.bias = hasBias ? randomTensor({out}, 2) : core::FloatTensor();
        op.stride = {stride, stride};
        op.padding = {padding[0], padding[1], padding[2], padding[3]};
        op.dilation = {dilation, dilation};
        op.groups = groups;
        const core::FloatTensor x = randomTensor({3, in, 11, 14}, 3);
        // The reference pads by hand and convolves in plain N,C,H,W order, in double.
        const at::Tensor wide = engine::wrap(x).to(at::kDouble);
        at::Tensor padded =
            at::zeros({3, in, 11 + padding[0] + padding[2], 14 + padding[1] + padding[3]}, at::kDouble);
        padded.narrow(2, padding[0], 11).narrow(3, padding[1], 14).copy_(wide);
        const at::Tensor bias = hasBias ? engine::wrap(op.bias).to(at::kDouble) : at::Tensor();
        const at::Tensor expected =
            at::conv2d(padded, engine::wrap(op.weight).to(at::kDouble), bias, at::IntArrayRef{stride, stride},
                       at::IntArrayRef{0, 0}, at::IntArrayRef{dilation, dilation}, groups);
        const core::Graph graph = oneOperator(op, {1, in, 11, 14});
        const at::Tensor actual = runGraph(graph, engine::wrap(x));
        // Sums of at most 36 products of normal values in float: about 36 * 2^-24 * 10.
        compareTensors(actual.to(at::kDouble), expected, 3e-5);
        QCOMPARE(actual.size(2), graph.node(1).outputShape[2]);
    }

    void pooling_data() {
        QTest::addColumn<bool>("isMax");
        QTest::addColumn<int>("kernel");
        QTest::addColumn<int>("stride");
        QTest::addColumn<QList<int>>("padding");
        QTest::addColumn<bool>("ceil");
        QTest::addColumn<bool>("countsPadding");
        for (const bool isMax : {true, false}) {
            for (const bool ceil : {false, true}) {
                for (const bool counts : {false, true}) {
                    const QString tag = QStringLiteral("%1 %2 %3 ")
                                            .arg(isMax ? "max" : "average", ceil ? "ceil" : "floor",
                                                 counts ? "counted" : "uncounted");
                    QTest::newRow(qPrintable(tag + "2/2"))
                        << isMax << 2 << 2 << QList<int>{0, 0, 0, 0} << ceil << counts;
                    QTest::newRow(qPrintable(tag + "3/2 p1"))
                        << isMax << 3 << 2 << QList<int>{1, 1, 1, 1} << ceil << counts;
                    QTest::newRow(qPrintable(tag + "3/2 uneven"))
                        << isMax << 3 << 2 << QList<int>{0, 0, 1, 1} << ceil << counts;
                    QTest::newRow(qPrintable(tag + "3/3 wide"))
                        << isMax << 3 << 3 << QList<int>{2, 2, 2, 2} << ceil << counts;
                }
            }
        }
    }
    void pooling() {
        QFETCH(bool, isMax);
        QFETCH(int, kernel);
        QFETCH(int, stride);
        QFETCH(QList<int>, padding);
        QFETCH(bool, ceil);
        QFETCH(bool, countsPadding);
        core::Pool2dOp op;
        op.kind = isMax ? core::PoolKind::Max : core::PoolKind::Average;
        op.kernel = {kernel, kernel};
        op.stride = {stride, stride};
        op.padding = {padding[0], padding[1], padding[2], padding[3]};
        op.ceilMode = ceil;
        op.countIncludePad = countsPadding;
        const core::FloatTensor x = randomTensor({2, 3, 9, 10}, 4);
        const core::Graph graph = oneOperator(op, {1, 3, 9, 10});
        core::Shape outShape = graph.node(1).outputShape;
        outShape[0] = 2;
        // Nine additions in float against double.
        compareTensors(runGraph(graph, engine::wrap(x)), slowPool(engine::wrap(x), op, outShape), 1e-6);
    }

    void elementwise_data() {
        QTest::addColumn<int>("which");
        const char* names[] = {"sigmoid", "tanh", "hardsigmoid", "hardswish", "silu", "gelu"};
        for (int i = 0; i < 6; ++i) {
            QTest::newRow(names[i]) << i;
        }
    }
    void elementwise() {
        QFETCH(int, which);
        const core::FloatTensor x = randomTensor({2, 5, 7, 3}, 5, 4);
        const at::Tensor in = engine::wrap(x);
        const std::array<at::Tensor, 6> expected{at::sigmoid(in),   at::tanh(in), at::hardsigmoid(in),
                                                 at::hardswish(in), at::silu(in), at::gelu(in)};
        const auto kind = static_cast<core::UnaryKind>(which);
        // Vectorised and scalar tails of the same function differ by an ulp or two.
        compareTensors(runGraph(oneOperator(core::UnaryOp{kind}, {1, 5, 7, 3}), in),
                       expected[static_cast<std::size_t>(which)], 1e-6, 1e-6);
    }

    void clampHasEveryForm() {
        const at::Tensor in = engine::wrap({{1, 1, 1, 5}, {-7, -1, 0.5, 6.5, 9}});
        const auto clamped = [&](double lower, double upper) {
            const at::Tensor out =
                runGraph(oneOperator(core::ClampOp{lower, upper}, {1, 1, 1, 5}), in).contiguous();
            return std::vector<float>(out.data_ptr<float>(), out.data_ptr<float>() + 5);
        };
        QCOMPARE(clamped(0, kInfinity), (std::vector<float>{0, 0, 0.5, 6.5, 9}));
        QCOMPARE(clamped(0, 6), (std::vector<float>{0, 0, 0.5, 6, 6}));
        QCOMPARE(clamped(-2, 1), (std::vector<float>{-2, -1, 0.5, 1, 1}));
        QCOMPARE(clamped(-kInfinity, 1), (std::vector<float>{-7, -1, 0.5, 1, 1}));
    }

    void batchNormUsesRunningStatistics() {
        core::BatchNormOp op{{{2}, {2, 3}}, {{2}, {1, -1}}, {{2}, {4, 8}}, {{2}, {0.25, 4}}, 0.0, 0.1};
        const at::Tensor in = engine::wrap({{1, 2, 1, 2}, {4, 5, 8, 10}});
        const at::Tensor out = runGraph(oneOperator(op, {1, 2, 1, 2}), in);
        // 2 (5 - 4) / 0.5 + 1 = 5;  3 (10 - 8) / 2 - 1 = 2
        compareTensors(out, engine::wrap({{1, 2, 1, 2}, {1, 5, -1, 2}}), 1e-6);
    }

    void linearBehindFlattenSeesChannelsOutermost() {
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 3, 4, 5}});
        const core::NodeId flat = graph.append("flatten", core::FlattenOp{}, {0});
        core::LinearOp op{randomTensor({7, 60}, 6), randomTensor({7}, 7)};
        graph.output = graph.append("linear", op, {flat});
        core::inferShapes(graph, {1, 3, 4, 5});
        const core::FloatTensor x = randomTensor({2, 3, 4, 5}, 8);
        const at::Tensor expected =
            at::linear(engine::wrap(x).reshape({2, 60}), engine::wrap(op.weight), engine::wrap(op.bias));
        compareTensors(runGraph(graph, engine::wrap(x)), expected, 1e-5);  // sums of 60 products
    }

    void branchesSeeOneValue() {
        // y = relu(x + c) where c = conv(x); z = y * gate(y): in-place reuse must not disturb other readers.
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 4, 6, 6}});
        core::Conv2dOp conv;
        conv.weight = randomTensor({4, 4, 1, 1}, 9);
        const core::NodeId c = graph.append("conv", conv, {0});
        const core::NodeId positive = graph.append("clamp", core::ClampOp{0, kInfinity}, {c});
        const core::NodeId sum = graph.append("add", core::AddOp{}, {positive, c});
        const core::NodeId twice = graph.append("twice", core::AddOp{}, {sum, sum});
        const core::NodeId pooled = graph.append("pool", core::GlobalAveragePoolOp{}, {twice});
        const core::NodeId gated = graph.append("gate", core::MulOp{}, {twice, pooled});
        graph.output = graph.append("cat", core::ConcatOp{1}, {gated, c, 0});
        core::inferShapes(graph, {1, 4, 6, 6});

        const core::FloatTensor x = randomTensor({2, 4, 6, 6}, 10);
        const core::FloatTensor before = randomTensor({2, 4, 6, 6}, 10);
        const at::Tensor in = engine::wrap(x);
        const at::Tensor convolved = at::conv2d(in, engine::wrap(conv.weight));
        const at::Tensor doubled = (convolved.clamp_min(0).add(convolved)).mul(2);
        const at::Tensor expectedGate = doubled.mul(doubled.mean(at::IntArrayRef{2, 3}, true));
        const at::Tensor out = runGraph(graph, in);
        compareTensors(out.narrow(1, 0, 4), expectedGate, 1e-4, 1e-4);
        compareTensors(out.narrow(1, 4, 4), convolved, 1e-5);
        compareTensors(out.narrow(1, 8, 4), engine::wrap(before), 0);
    }

    void inputAndWeightsAreNeverWritten() {
        core::Graph graph = oneOperator(core::ClampOp{0, 1}, {1, 1, 4, 4});
        const core::FloatTensor x = randomTensor({1, 1, 4, 4}, 11);
        QVERIFY(!engine::isSoleOwner(engine::wrap(x)));
        runGraph(graph, engine::wrap(x));
        compareTensors(engine::wrap(x), engine::wrap(randomTensor({1, 1, 4, 4}, 11)), 0);
    }

    void valuesAreReleasedAfterTheirLastReader() {
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 4, 4}});
        const core::NodeId a = graph.append("a", core::ClampOp{0, 1}, {0});
        const core::NodeId b = graph.append("b", core::UnaryOp{core::UnaryKind::Tanh}, {a});
        graph.output = graph.append("c", core::AddOp{}, {a, b});
        core::inferShapes(graph, {1, 1, 4, 4});
        const engine::GraphExecutor executor(graph, engine::ExecutionMode::Inference);
        engine::Execution execution(executor, engine::wrap(randomTensor({1, 1, 4, 4}, 12)));
        execution.step(0);
        execution.step(a);
        QVERIFY(!execution.value(0).defined());
        execution.step(b);
        QVERIFY(execution.value(a).defined());
        execution.step(graph.output);
        QVERIFY(!execution.value(a).defined() && !execution.value(b).defined());
        QVERIFY(execution.value(graph.output).defined());
    }

    void failuresNameTheNode() {
        const core::Graph graph = oneOperator(core::LinearOp{randomTensor({2, 4}, 13), {}}, {1, 4});
        try {
            runGraph(graph, engine::wrap(randomTensor({1, 5}, 14)));
            QFAIL("a linear layer took 5 features for 4");
        } catch (const core::Error& error) {
            QVERIFY2(QString(error.what()).contains("'op'"), error.what());
        }
    }
};

QTEST_GUILESS_MAIN(TestOperators)
#include "test_operators.moc"
