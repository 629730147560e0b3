#include "core/graph/lint.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe::core;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FloatTensor tensor(Shape shape, std::vector<float> values) {
    return {std::move(shape), std::move(values)};
}

Conv2dOp pointwise(std::int64_t out, std::int64_t in, std::vector<float> weights) {
    Conv2dOp op;
    op.weight = tensor({out, in, 1, 1}, std::move(weights));
    return op;
}

BatchNormOp norm(std::vector<float> gamma, std::vector<float> beta, std::vector<float> mean,
                 std::vector<float> variance, double epsilon) {
    const auto count = static_cast<std::int64_t>(gamma.size());
    BatchNormOp op;
    op.gamma = tensor({count}, std::move(gamma));
    op.beta = tensor({count}, std::move(beta));
    op.mean = tensor({count}, std::move(mean));
    op.variance = tensor({count}, std::move(variance));
    op.epsilon = epsilon;
    return op;
}

Graph withInput() {
    Graph graph;
    graph.name = "test";
    graph.append("input", InputOp{}, {});
    return graph;
}

QString messageOf(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

}  // namespace

class TestGraph : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void foldsBatchNormByHand() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(2, 1, {2.0F, -3.0F}), {0});
        // variance + epsilon = 4 and 0.25, so r = 1/2 and 4/0.5 = 8.
        graph.output = graph.append("n", norm({1, 4}, {10, 20}, {6, -1}, {3, 0.125F}, 0.125), {conv});
        std::get<BatchNormOp>(graph.node(graph.output).op).epsilon = 0.125;
        const double r0 = 1.0 / std::sqrt(3.125);
        const Graph result = foldBatchNorm(graph);
        QCOMPARE(result.nodes.size(), std::size_t{2});
        QCOMPARE(result.output, 1);
        const auto& op = std::get<Conv2dOp>(result.node(1).op);
        QCOMPARE(op.weight.values()[0], static_cast<float>(2.0 * r0));
        QCOMPARE(op.weight.values()[1], -24.0F);
        QCOMPARE(op.bias.values()[0], static_cast<float>(10.0 - 6.0 * r0));
        QCOMPARE(op.bias.values()[1], 28.0F);
    }

    void foldingKeepsTheBiasItFinds() {
        Graph graph = withInput();
        LinearOp linear{tensor({1, 2}, {1, 2}), tensor({1}, {5})};
        const NodeId node = graph.append("l", std::move(linear), {0});
        graph.output = graph.append("n", norm({2}, {1}, {3}, {1}, 0), {node});
        const Graph result = foldBatchNorm(graph);
        const auto& folded = std::get<LinearOp>(result.node(1).op);
        QCOMPARE(folded.weight.values()[1], 4.0F);
        QCOMPARE(folded.bias.values()[0], 5.0F);  // 2 * (5 - 3) + 1
    }

    void leavesBatchNormThatOthersReadAround() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(1, 1, {1}), {0});
        const NodeId bn = graph.append("n", norm({1}, {0}, {0}, {1}, 0), {conv});
        graph.output = graph.append("a", AddOp{}, {conv, bn});
        QCOMPARE(foldBatchNorm(graph).nodes.size(), graph.nodes.size());
        const PreparedModel model = prepare(graph, {1, 4, 4});
        QVERIFY(std::any_of(model.layers.begin(), model.layers.end(),
                            [](const Layer& layer) { return layer.id.str() == "n"; }));
        const auto findings = lint(model);
        QVERIFY(std::any_of(findings.begin(), findings.end(), [](const LintFinding& finding) {
            return finding.code == "unfolded_batch_norm";
        }));
    }

    void keptBatchNormStaysInsideItsLayer() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(1, 1, {3}), {0});
        const NodeId bn = graph.append("n", norm({2}, {1}, {3}, {4}, 0), {conv});
        graph.output = graph.append("r", ClampOp{0, kInfinity}, {bn});
        const PreparedModel folded = prepare(graph, {1, 2, 2});
        const PreparedModel kept = prepare(graph, {1, 2, 2}, {LayerId("c"), LayerId("unknown")});
        QCOMPARE(folded.layers.size(), std::size_t{1});
        QCOMPARE(kept.layers.size(), std::size_t{1});  // the same layers, whatever is kept
        QCOMPARE(kept.layers[0].batchNorm, bn);
        QCOMPARE(kept.layers[0].outputNode, graph.output);
        QVERIFY(kept.layers[0].hasBatchNorm);
        QVERIFY(folded.layers[0].hasBatchNorm);
        QCOMPARE(folded.layers[0].batchNorm, -1);
        QVERIFY(folded.hash != kept.hash);
        QCOMPARE(std::get<Conv2dOp>(kept.graph.node(conv).op).weight.values()[0], 3.0F);
        QCOMPARE(kept.siteOfTensor(graph.output)->layer, LayerId("c"));

        QuantConfig config;
        config.layers[LayerId("c")].batchNorm = BatchNormMode::Icn;
        QCOMPARE(preparedFor(folded, config).hash, kept.hash);
        QCOMPARE(preparedFor(kept, QuantConfig{}).hash, folded.hash);
        PreparedModel orphan = folded;
        orphan.imported.reset();
        QVERIFY(messageOf([&] { preparedFor(orphan, config); }).contains("load it from its file"));
    }

    /// What would divide by zero, overflow or read outside an image is refused by the layer's name.
    void sizesOfNoModelAreRefused_data() {
        QTest::addColumn<QString>("what");
        QTest::addColumn<qint64>("value");
        constexpr qint64 kHuge = std::numeric_limits<qint64>::max() / 2;
        for (const char* what : {"stride", "dilation", "kernel", "padding"}) {
            QTest::addRow("negative %s", what) << what << qint64(-1);
            QTest::addRow("huge %s", what) << what << kHuge;
        }
        QTest::addRow("stride 0") << "stride" << qint64(0);
    }
    void sizesOfNoModelAreRefused() {
        QFETCH(QString, what);
        QFETCH(qint64, value);
        Pool2dOp pool;
        (what == "stride" ? pool.stride[1] : what == "kernel" ? pool.kernel[0] : pool.padding[2]) = value;
        Conv2dOp conv = pointwise(1, 1, {1});
        conv.dilation[0] = value;
        Graph graph = withInput();
        graph.output = what == "dilation" ? graph.append("window", std::move(conv), {0})
                                          : graph.append("window", pool, {0});
        const QString message = messageOf([&] { prepare(graph, {1, 8, 8}); });
        QVERIFY2(message.contains("window") && message.contains(what), qPrintable(message));
    }

    void tensorsHaveAnEnd_data() {
        QTest::addColumn<QList<qint64>>("shape");
        QTest::addColumn<bool>("isPossible");
        QTest::newRow("2^30 values") << QList<qint64>{1 << 10, 1 << 10, 1 << 10} << true;
        QTest::newRow("2^31 values") << QList<qint64>{1 << 11, 1 << 10, 1 << 10} << false;
        QTest::newRow("2^64 values") << QList<qint64>{1LL << 22, 1LL << 21, 1LL << 21} << false;
        QTest::newRow("no rows") << QList<qint64>{1, 0, 4} << false;
        QTest::newRow("less than none") << QList<qint64>{1, -4, -4} << false;
    }
    void tensorsHaveAnEnd() {
        QFETCH(QList<qint64>, shape);
        QFETCH(bool, isPossible);
        Graph graph = withInput();
        graph.output = graph.append("flat", FlattenOp{}, {0});
        Shape image(shape.begin(), shape.end());
        image.insert(image.begin(), 1);
        const QString message = messageOf([&] { inferShapes(graph, image); });
        QVERIFY2(message.isEmpty() == isPossible, qPrintable(message));
        QVERIFY(isPossible || message.contains("at least 1"));
    }

    void aSecondBatchNormIsFoldedToo() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(1, 1, {3}), {0});
        const NodeId first = graph.append("n", norm({2}, {1}, {3}, {4}, 0), {conv});  // x - 2
        graph.output = graph.append("m", norm({4}, {5}, {0}, {4}, 0), {first});       // 2 x + 5
        const Graph folded = foldBatchNorm(graph);
        QCOMPARE(folded.nodes.size(), std::size_t{2});
        QCOMPARE(std::get<Conv2dOp>(folded.node(1).op).weight.values()[0], 6.0F);
        QCOMPARE(std::get<Conv2dOp>(folded.node(1).op).bias.values()[0], 1.0F);  // 2 * (0 - 2) + 5
    }

    void unevenPaddingAndStride() {
        Graph graph = withInput();
        Conv2dOp conv;
        conv.weight = tensor({4, 3, 3, 3}, std::vector<float>(108, 0.5F));
        conv.stride = {2, 2};
        conv.padding = {0, 0, 1, 1};  // TensorFlow SAME for 224 / stride 2
        graph.output = graph.append("c", std::move(conv), {0});
        inferShapes(graph, {1, 3, 224, 224});
        QCOMPARE(graph.node(1).outputShape, (Shape{1, 4, 112, 112}));
    }

    void ceilModeDropsAWindowThatBeginsInThePadding() {
        Graph graph = withInput();
        Pool2dOp pool;
        pool.kernel = {2, 2};
        pool.stride = {3, 3};
        pool.padding = {1, 1, 1, 1};
        pool.ceilMode = true;
        graph.output = graph.append("p", pool, {0});
        // (5 + 2 - 2 + 2) / 3 + 1 = 3 windows; the last begins at 6 = 5 + 1, in the trailing padding: 2
        // remain.
        inferShapes(graph, {1, 1, 5, 5});
        QCOMPARE(graph.node(1).outputShape, (Shape{1, 1, 2, 2}));
    }

    void layersTakeTheirActivationAndFollowFlatten() {
        Graph graph = withInput();
        const NodeId conv = graph.append("stem.conv", pointwise(2, 1, {1, 2}), {0});
        const NodeId act = graph.append("stem.act", ClampOp{0, 6}, {conv});
        const NodeId pool = graph.append("max", Pool2dOp{}, {act});
        const NodeId flat = graph.append("flat", FlattenOp{}, {pool});
        graph.output = graph.append("fc", LinearOp{tensor({3, 8}, std::vector<float>(24, 1)), {}}, {flat});
        const PreparedModel model = prepare(graph, {1, 4, 4});
        QCOMPARE(model.layers.size(), std::size_t{3});
        QCOMPARE(model.layers[0].outputNode, act);
        QCOMPARE(model.layers[0].kind, LayerKind::PointwiseConv);
        QCOMPARE(model.layers[0].macs, std::int64_t{32});
        QVERIFY(!model.layers[1].isQuantizable);
        QCOMPARE(model.layers[2].inputElements, std::int64_t{8});
        QCOMPARE(model.siteOfTensor(flat)->layer, LayerId("stem.conv"));
        QCOMPARE(model.siteOfTensor(0)->layer, kInputLayer);
        QVERIFY(!model.siteOfTensor(conv).has_value());  // before the activation: no tensor of its own
    }

    void anActivationWithTwoReadersOfItsInputStaysApart() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(1, 1, {1}), {0});
        const NodeId act = graph.append("r", ClampOp{0, kInfinity}, {conv});
        graph.output = graph.append("a", AddOp{}, {conv, act});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        QCOMPARE(model.layers.size(), std::size_t{3});
        QCOMPARE(model.layers[0].outputNode, conv);
    }

    void hashSeesWeightsAttributesAndTopology() {
        Graph graph = withInput();
        graph.output = graph.append("c", pointwise(1, 1, {1}), {0});
        const std::string base = graphHash(graph);
        Graph other = graph;
        std::get<Conv2dOp>(other.node(1).op).weight = tensor({1, 1, 1, 1}, {1.0000001F});
        QVERIFY(graphHash(other) != base);
        other = graph;
        std::get<Conv2dOp>(other.node(1).op).stride = {2, 2};
        QVERIFY(graphHash(other) != base);
        other = graph;
        other.output = 0;
        QVERIFY(graphHash(other) != base);
        QCOMPARE(graphHash(Graph(graph)), base);
    }

    void namesStayUnique() {
        Graph graph = withInput();
        graph.append("x", ClampOp{0, 6}, {0});
        const NodeId second = graph.append("x", ClampOp{0, 6}, {1});
        QCOMPARE(graph.node(second).name, std::string("x_2"));
    }

    void refusals_data() {
        QTest::addColumn<QString>("what");
        QTest::addColumn<QString>("expected");
        QTest::newRow("channels") << "channels"
                                  << "expects 2 input channels but gets 1";
        QTest::newRow("window") << "window"
                                << "does not fit the input";
        QTest::newRow("add") << "add"
                             << "both must have one shape";
        QTest::newRow("nothing") << "nothing"
                                 << "nothing to quantize";
        QTest::newRow("unknown shape") << "unknown shape"
                                       << "give it as channels,rows,columns";
    }
    void refusals() {
        QFETCH(QString, what);
        QFETCH(QString, expected);
        Graph graph = withInput();
        Shape shape{1, 2, 2};
        if (what == "channels") {
            graph.output = graph.append("c", pointwise(1, 2, {1, 1}), {0});
        } else if (what == "window") {
            Conv2dOp conv;
            conv.weight = tensor({1, 1, 3, 3}, std::vector<float>(9, 1));
            graph.output = graph.append("c", std::move(conv), {0});
        } else if (what == "add") {
            const NodeId flat = graph.append("f", FlattenOp{}, {0});
            graph.output = graph.append("a", AddOp{}, {0, flat});
        } else {
            graph.output = graph.append("r", ClampOp{0, 6}, {0});
            if (what == "unknown shape") {
                shape = {};
            }
        }
        const QString message = messageOf([&] { prepare(graph, shape); });
        QVERIFY2(message.contains(expected), qPrintable(message));
    }

    void lintNamesSpreadDeadAndUnbounded() {
        Graph graph = withInput();
        const NodeId conv = graph.append("c", pointwise(3, 1, {1.0F, 0.01F, 0.0F}), {0});
        graph.output = graph.append("r", ClampOp{0, kInfinity}, {conv});
        QStringList codes;
        for (const LintFinding& finding : lint(prepare(graph, {1, 2, 2}))) {
            codes << QString::fromStdString(finding.code);
        }
        QCOMPARE(codes, (QStringList{"dead_channel", "channel_range_spread", "unbounded_activation"}));
    }
};

QTEST_APPLESS_MAIN(TestGraph)
#include "test_graph.moc"
