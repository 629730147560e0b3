#include "core/device/budget.h"
#include "core/graph/prepare.h"
#include "core/plan/executed_layer.h"
#include "core/plan/padding_value.h"
#include "core/plan/trainable_config.h"
#include "core/ptq/bit_allocation.h"
#include "core/ptq/cross_layer_equalization.h"
#include "core/ptq/expected_input.h"
#include "core/ptq/layer_edits.h"
#include "core/ptq/post_training.h"
#include "core/ptq/weight_correction.h"
#include "core/quantizers/weight_normalisation.h"
#include "core/registry/registry.h"
#include "core/types/error.h"
#include "tests/support/random_graph.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <set>

using namespace bitlathe::core;
using bitlathe::tests::randomTensor;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FloatTensor tensor(Shape shape, std::vector<float> values) {
    return {std::move(shape), std::move(values)};
}

Graph withInput() {
    Graph graph;
    graph.name = "hand";
    graph.nodes.push_back({"input", InputOp{}, {}, {1, 1, 2, 2}});
    return graph;
}

Conv2dOp pointwise(std::int64_t out, std::int64_t in, std::vector<float> weights,
                   std::vector<float> bias = {}, std::int64_t groups = 1) {
    Conv2dOp conv;
    conv.weight = tensor({out, in, 1, 1}, std::move(weights));
    if (!bias.empty()) {
        conv.bias = tensor({out}, std::move(bias));
    }
    conv.groups = groups;
    return conv;
}

/// input -> a (2 channels) -> relu -> b (depthwise) -> relu -> c (1 channel)
PreparedModel chain(double upper = kInfinity) {
    Graph graph = withInput();
    NodeId x = graph.append("a", pointwise(2, 1, {8, 2}, {4, 1}), {0});
    x = graph.append("a.act", ClampOp{0, upper}, {x});
    x = graph.append("b", pointwise(2, 1, {2, 0.5}, {1, -1}, 2), {x});
    x = graph.append("b.act", ClampOp{0, upper}, {x});
    graph.output = graph.append("c", pointwise(1, 2, {1, 4}, {3}), {x});
    return prepare(graph, {1, 2, 2});
}

QuantConfig eightBits(const PreparedModel& model, const std::string& quantizer = "symmetric",
                      Granularity::Kind granularity = Granularity::Kind::Tensor, int bits = 8) {
    QuantConfig config;
    for (const Layer& layer : model.layers) {
        if (layer.hasWeights()) {
            SiteQuant& weight = config.layers[layer.id].weight;
            weight.bits = BitWidth(bits);
            weight.quantizer = {quantizer, {}};
            weight.granularity.kind = granularity;
        }
    }
    return config;
}

std::vector<float> weightsOf(const PreparedModel& model, const char* layer) {
    const FloatTensor weights = layerWeights(model, *model.findLayer(LayerId(layer)));
    return {weights.values().begin(), weights.values().end()};
}

std::vector<float> biasOf(const PreparedModel& model, const char* layer) {
    const FloatTensor bias = layerBias(model, *model.findLayer(LayerId(layer)));
    return {bias.values().begin(), bias.values().end()};
}

PostTrainingState stateOf(const PreparedModel& model, const QuantConfig& config) {
    return {model, config, {}, resolvePlan(model, config, {}), {}};
}

/// As published.
CrossLayerEqualization equalization(int rounds, CrossLayerEqualization::Relu6 relu6) {
    return {rounds, relu6, CrossLayerEqualization::Balance::Weights};
}

QString messageOf(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

class TestPostTrainingMethods : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalizationByHand() {
        const PreparedModel model = chain();
        const auto pairs = equalizationPairs(model, false);
        QCOMPARE(pairs.size(), std::size_t{2});
        PostTrainingState state = stateOf(model, eightBits(model));
        state.preActivation[LayerId("a")] = {{4, 1}, {8, 2}};
        equalization(1, CrossLayerEqualization::Relu6::Keep).apply(state, {});
        // First pair: s = sqrt(8 / 2) = 2 and sqrt(2 / 0.5) = 2; then b is {4, 1} against c's {1, 4}:
        // s = 2 and 1/2.
        QCOMPARE(weightsOf(state.model, "a"), (std::vector<float>{4, 1}));
        QCOMPARE(biasOf(state.model, "a"), (std::vector<float>{2, 0.5}));
        QCOMPARE(weightsOf(state.model, "b"), (std::vector<float>{2, 2}));
        QCOMPARE(biasOf(state.model, "b"), (std::vector<float>{0.5, -2}));
        QCOMPARE(weightsOf(state.model, "c"), (std::vector<float>{2, 2}));
        QCOMPARE(biasOf(state.model, "c"), (std::vector<float>{3}));
        QCOMPARE(state.preActivation.at(LayerId("a")).mean, (std::vector<double>{2, 0.5}));
        QCOMPARE(state.preActivation.at(LayerId("a")).deviation, (std::vector<double>{4, 1}));
    }

    void equalizationConverges() {
        const PreparedModel model = chain();
        PostTrainingState state = stateOf(model, eightBits(model));
        equalization(100, CrossLayerEqualization::Relu6::Keep).apply(state, {});
        const auto a = weightsOf(state.model, "a");
        const auto b = weightsOf(state.model, "b");
        const auto c = weightsOf(state.model, "c");
        for (std::size_t i = 0; i < 2; ++i) {
            // Within what the stopping rule of 1e-3 leaves.
            QVERIFY(std::fabs(a[i] / b[i] - 1) < 4e-3F);
            QVERIFY(std::fabs(b[i] / c[i] - 1) < 4e-3F);
            // The product of a path is the function: 8 * 2 * 1 and 2 * 0.5 * 4.
            const float path = i == 0 ? 16.0F : 4.0F;
            QVERIFY(std::fabs(a[i] * b[i] * c[i] - path) <
                    1e-4F * path);  // float rounding of a few dozen steps
        }
    }

    void equalizationAtRelu6() {
        const PreparedModel model = chain(6);
        QVERIFY(equalizationPairs(model, false).empty());
        QCOMPARE(equalizationPairs(model, true).size(), std::size_t{2});
        PostTrainingState state = stateOf(model, eightBits(model));
        const QString kept =
            messageOf([&] { equalization(1, CrossLayerEqualization::Relu6::Keep).apply(state, {}); });
        QVERIFY(kept.contains("found no two layers"));
        PostTrainingState exact = state;
        equalization(1, CrossLayerEqualization::Relu6::Replace).apply(state, {});
        const Layer& a = state.model.layers[0];
        QVERIFY(std::isinf(std::get<ClampOp>(state.model.graph.node(a.outputNode).op).upper));
        QCOMPARE(weightsOf(state.model, "a"), (std::vector<float>{4, 1}));
        // s = 2 for both channels of a, then 2 and 1/2 for those of b.
        equalization(1, CrossLayerEqualization::Relu6::PerChannel).apply(exact, {});
        QCOMPARE(weightsOf(exact.model, "a"), (std::vector<float>{4, 1}));
        const auto& behindA = std::get<ClampOp>(exact.model.graph.node(a.outputNode).op);
        QCOMPARE(behindA.channelUpper, (std::vector<double>{3, 3}));
        const auto& behindB = std::get<ClampOp>(exact.model.graph.node(model.layers[1].outputNode).op);
        QCOMPARE(behindB.channelUpper, (std::vector<double>{3, 12}));
        QCOMPARE(behindB.upper, 12.0);
        QVERIFY(graphHash(exact.model.graph) != graphHash(state.model.graph));
    }

    void equalizationByErrorNeedsStatistics() {
        const PreparedModel model = chain();
        PostTrainingState state = stateOf(model, eightBits(model));
        const QString message = messageOf([&] {
            CrossLayerEqualization(1, CrossLayerEqualization::Relu6::Keep,
                                   CrossLayerEqualization::Balance::Error)
                .apply(state, {});
        });
        QVERIFY2(message.contains("cross_layer_equalization") && message.contains("'input'"),
                 qPrintable(message));
    }

    void equalizationLeavesExcludedLayers() {
        const PreparedModel model = chain();
        QuantConfig config = eightBits(model);
        config.layers[LayerId("a")].takesPostTraining = false;
        PostTrainingState state = stateOf(model, config);
        equalization(1, CrossLayerEqualization::Relu6::Keep).apply(state, {});
        QCOMPARE(weightsOf(state.model, "a"), (std::vector<float>{8, 2}));
        QVERIFY(weightsOf(state.model, "b") != (std::vector<float>{2, 0.5}));
    }

    void branchesAndKeptBatchNormMakeNoPair() {
        Graph graph = withInput();
        const NodeId a = graph.append("a", pointwise(1, 1, {1}), {0});
        const NodeId b = graph.append("b", pointwise(1, 1, {1}), {a});
        graph.output = graph.append("sum", AddOp{}, {a, b});
        QVERIFY(equalizationPairs(prepare(graph, {1, 2, 2}), true).empty());

        Graph normed = withInput();
        BatchNormOp norm;
        norm.gamma = tensor({1}, {1});
        norm.beta = norm.mean = tensor({1}, {0});
        norm.variance = tensor({1}, {1});
        NodeId x = normed.append("a", pointwise(1, 1, {1}), {0});
        x = normed.append("n", norm, {x});
        normed.output = normed.append("b", pointwise(1, 1, {1}), {x});
        QCOMPARE(equalizationPairs(prepare(normed, {1, 2, 2}), true).size(), std::size_t{1});
        QVERIFY(equalizationPairs(prepare(normed, {1, 2, 2}, {LayerId("a")}), true).empty());
    }

    void channelsBehindAFlatten() {
        Graph graph = withInput();
        NodeId x = graph.append("a", pointwise(2, 1, {4, 1}), {0});
        x = graph.append("act", ClampOp{0, kInfinity}, {x});
        x = graph.append("flat", FlattenOp{}, {x});
        // Four places of each channel; the largest of them is r2: 1 and 4.
        graph.output = graph.append("fc", LinearOp{tensor({1, 8}, {1, 0, 0, 0, 0, 4, 0, 0}), {}}, {x});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        PostTrainingState state = stateOf(model, eightBits(model));
        equalization(1, CrossLayerEqualization::Relu6::Keep).apply(state, {});
        QCOMPARE(weightsOf(state.model, "a"), (std::vector<float>{2, 2}));
        QCOMPARE(weightsOf(state.model, "fc"), (std::vector<float>{2, 0, 0, 0, 0, 2, 0, 0}));
    }

    void highBiasMovesToTheNextLayer() {
        const PreparedModel model = chain();
        PostTrainingState state = stateOf(model, eightBits(model));
        state.preActivation[LayerId("a")] = {{10, 1}, {2, 2}};
        state.preActivation[LayerId("b")] = {{0, 0}, {1, 1}};
        HighBiasAbsorption(3).apply(state, {});
        // c = max(0, 10 - 6) = 4 and max(0, 1 - 6) = 0; b's channels gain 2 * 4 and 0.5 * 0.
        QCOMPARE(biasOf(state.model, "a"), (std::vector<float>{0, 1}));
        QCOMPARE(biasOf(state.model, "b"), (std::vector<float>{9, -1}));
        QCOMPARE(state.preActivation.at(LayerId("a")).mean, (std::vector<double>{6, 1}));
        QCOMPARE(biasOf(state.model, "c"), (std::vector<float>{3}));
    }

    void clampedNormal_data() {
        QTest::addColumn<double>("mean");
        QTest::addColumn<double>("deviation");
        QTest::addColumn<double>("lower");
        QTest::addColumn<double>("upper");
        // A relu of the standard normal has mean 1/sqrt(2 pi).
        QTest::newRow("relu of N(0,1)") << 0.0 << 1.0 << 0.0 << kInfinity;
        QTest::newRow("relu of N(-1,2)") << -1.0 << 2.0 << 0.0 << kInfinity;
        QTest::newRow("relu6 of N(5,3)") << 5.0 << 3.0 << 0.0 << 6.0;
        QTest::newRow("unbounded") << 1.5 << 2.0 << -kInfinity << kInfinity;
        QTest::newRow("far below") << -30.0 << 1.0 << 0.0 << 6.0;
    }
    void clampedNormal() {
        QFETCH(double, mean);
        QFETCH(double, deviation);
        QFETCH(double, lower);
        QFETCH(double, upper);
        // By midpoint integration over +-12 deviations; its error is far below the tolerance.
        double expected = 0;
        const int steps = 200000;
        const double width = 24.0 / steps;
        for (int i = 0; i < steps; ++i) {
            const double t = -12 + (i + 0.5) * width;
            expected += std::clamp(mean + deviation * t, lower, upper) * std::exp(-t * t / 2) * width;
        }
        expected /= std::sqrt(2 * std::numbers::pi);
        QVERIFY(std::fabs(clampedNormalMean(mean, deviation, lower, upper) - expected) < 1e-8);
    }
    void clampedNormalWithoutWidth() {
        QCOMPARE(clampedNormalMean(7, 0, 0, 6), 6.0);
        QCOMPARE(clampedNormalMean(-1, 0, 0, kInfinity), 0.0);
    }

    void expectedValuesFollowTheGraph() {
        const PreparedModel model = chain();
        PostTrainingState state = stateOf(model, eightBits(model));
        state.preActivation[LayerId("a")] = {{2, 0}, {0, 1}};
        const auto out = expectedValue(state, model.layers[0].outputNode);
        QVERIFY(out.has_value());
        QCOMPARE((*out)[0], 2.0);
        QVERIFY(std::fabs((*out)[1] - 0.3989422804014327) < 1e-15);
        QVERIFY(!expectedValue(state, 0).has_value());  // the image's mean is in the data
        // A difference of 0.5 and -1 in b's weights, depthwise: each channel its own input.
        const auto shift = outputShift(model.graph, model.layers[1], {0.5, -1}, {2, 3});
        QCOMPARE(shift, (std::vector<double>{1, -3}));
        const auto sum = outputShift(model.graph, model.layers[2], {0.5, -1}, {2, 3});
        QCOMPARE(sum, (std::vector<double>{-2}));
    }

    void orderIsChecked_data() {
        QTest::addColumn<QStringList>("methods");
        QTest::addColumn<QString>("complaint");
        QTest::newRow("all in order") << QStringList{"cross_layer_equalization", "high_bias_absorption",
                                                     "weight_bit_allocation",    "ada_round",
                                                     "bias_correction",          "advanced_calibration"}
                                      << "";
        QTest::newRow("biases before rounding") << QStringList{"bias_correction", "ada_round"} << "";
        QTest::newRow("model last") << QStringList{"bias_correction", "cross_layer_equalization"}
                                    << "put 'cross_layer_equalization' first";
        QTest::newRow("grids after weights")
            << QStringList{"ada_round", "weight_bit_allocation"} << "put 'weight_bit_allocation' first";
        QTest::newRow("twice") << QStringList{"ada_round", "ada_round"} << "stands twice";
        QTest::newRow("corrected, then rounded")
            << QStringList{"weight_correction", "ada_round"} << "off the grid";
        QTest::newRow("rounded, then corrected")
            << QStringList{"ada_round", "weight_correction"} << "off the grid";
        QTest::newRow("unknown") << QStringList{"magic"} << "unknown post-training method 'magic'";
    }
    void orderIsChecked() {
        QFETCH(QStringList, methods);
        QFETCH(QString, complaint);
        std::vector<MethodSpec> specs;
        for (const QString& name : methods) {
            specs.push_back({name.toStdString(), {}});
        }
        const QString message = messageOf([&] { checkPostTraining(specs); });
        if (complaint.isEmpty()) {
            QCOMPARE(message, QString());
        } else {
            QVERIFY2(message.contains(complaint), qPrintable(message));
        }
    }

    void everyMethodSaysWhatItNeeds() {
        const PreparedModel model = chain();
        for (const MethodInfo& info : postTrainingRegistry().list()) {
            QVERIFY2(!info.title.empty() && !info.source.empty(), info.name.c_str());
            QuantConfig config;  // nothing is quantized
            config.layers[LayerId("a")] = {};
            config.postTraining = {{info.name, {}}};
            if (info.name == "cross_layer_equalization" || info.name == "high_bias_absorption") {
                config.layers.clear();  // these need layers, not bits
            }
            const QString message = messageOf([&] { applyPostTraining(model, config, {}, {}); });
            QVERIFY2(message.contains(QString::fromStdString(info.name)), qPrintable(message));
        }
    }

    void emptyListOnlyResolves() {
        const PreparedModel model = chain();
        const QuantConfig config = eightBits(model);
        const QuantizedModel result = applyPostTraining(model, config, {}, {});
        QCOMPARE(result.model.hash, model.hash);
        QVERIFY(result.model.reference == nullptr);
        QVERIFY(result.plan.sites == resolvePlan(model, config, {}).sites);
    }

    void meansOfWeightsAreRestored() {
        const PreparedModel model = chain();
        QuantConfig config = eightBits(model, "symmetric", Granularity::Kind::Tensor, 2);
        config.postTraining = {{"weight_correction", {}}};
        const QuantizedModel result = applyPostTraining(model, config, {}, {});
        for (const Layer& layer : result.model.layers) {
            const auto exact = weightsOf(model, layer.id.str().c_str());
            const auto used = quantizedWeights(result.model, layer, result.plan);
            const std::size_t perChannel = exact.size() / std::size_t(layer.weightShape[0]);
            for (std::size_t c = 0; c * perChannel < exact.size(); ++c) {
                double difference = 0;
                for (std::size_t i = 0; i < perChannel; ++i) {
                    difference += double(exact[c * perChannel + i]) - double(used[c * perChannel + i]);
                }
                QVERIFY(std::fabs(difference) < 1e-6);  // float rounding of values below 8
            }
        }
        QVERIFY(result.model.reference != nullptr);
    }

    void deviationAboutZeroStaysOnAGrid() {
        Graph graph = withInput();
        Conv2dOp conv;
        conv.weight = randomTensor({3, 1, 5, 5}, 9);
        conv.padding = {2, 2, 2, 2};
        graph.output = graph.append("c", conv, {0});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        QuantConfig config = eightBits(model, "symmetric", Granularity::Kind::Tensor, 3);
        const QuantPlan before = resolvePlan(model, config, {});
        config.postTraining = {{"weight_correction", {{"mean", 0}, {"deviation", 1}, {"centre", 1}}}};
        const QuantizedModel result = applyPostTraining(model, config, {}, {});
        QVERIFY(result.plan.weightAffine.empty());
        const QParams& grid = result.plan.sites.at({LayerId("c"), SiteKind::Weight});
        QCOMPARE(grid.slices(), std::size_t{3});
        const auto plain = quantizedWeights(model, model.layers[0], before);
        const auto used = quantizedWeights(result.model, result.model.layers[0], result.plan);
        const auto exact = weightsOf(model, "c");
        const float step = before.sites.at({LayerId("c"), SiteKind::Weight}).scale[0];
        for (std::size_t c = 0; c < 3; ++c) {
            const auto slice = [&](const std::vector<float>& all) {
                return std::span(all).subspan(c * 25, 25);
            };
            const double wanted = weightMoments(slice(exact)).deviation;
            QVERIFY(std::fabs(weightMoments(slice(plain)).deviation / wanted - 1) > 1e-3);
            // The guard in the divisor is 1e-8, float rounding 6e-8.
            const double ratio = weightMoments(slice(used)).deviation / wanted;
            QVERIFY2(std::fabs(ratio - 1) < 1e-6, qPrintable(QString::number(ratio - 1)));
            for (std::size_t i = c * 25; i < c * 25 + 25; ++i) {
                QCOMPARE(std::lround(used[i] / grid.scale[c]),
                         std::lround(plain[i] / step));  // the same codes
            }
        }
    }

    void constantChannelsHaveNoDeviationToRestore() {
        const std::vector<float> weights(4, 0.3F);
        const std::vector<float> quantized(4, 0.25F);
        WeightCorrection correction;
        correction.deviation = true;
        const ChannelCorrection terms = channelCorrection(weights, quantized, correction);
        QCOMPARE(terms.gain, 1.0);
        QVERIFY(std::fabs(terms.shift - 0.05) < 1e-7);  // 0.3 as a float
    }

    void weightsShareBits_data() {
        QTest::addColumn<bool>("isGreedy");
        QTest::newRow("published") << false;
        QTest::newRow("greedy") << true;
    }
    void weightsShareBits() {
        QFETCH(bool, isGreedy);
        Graph graph = withInput();
        Conv2dOp conv;
        std::vector<float> values;
        const FloatTensor noise = randomTensor({4, 1, 8, 8}, 7);
        for (std::size_t i = 0; i < noise.values().size(); ++i) {
            const float spread[] = {8, 1, 1, 0};
            values.push_back(noise.values()[i] * spread[i / 64] + (i >= 192 ? 0.25F : 0.0F));
        }
        conv.weight = tensor({4, 1, 8, 8}, values);
        conv.padding = {4, 4, 4, 4};
        graph.output = graph.append("c", conv, {0});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        QuantConfig config = eightBits(model, "affine", Granularity::Kind::Channel, 3);
        config.postTraining = {{"weight_bit_allocation", {{"rule", isGreedy ? 1.0 : 0.0}}}};
        const QuantizedModel result = applyPostTraining(model, config, {}, {});
        const auto used = quantizedWeights(result.model, result.model.layers[0], result.plan);
        std::vector<std::size_t> levels;
        for (std::size_t c = 0; c < 4; ++c) {
            levels.push_back(std::set<float>(used.begin() + std::ptrdiff_t(c * 64),
                                             used.begin() + std::ptrdiff_t(c * 64 + 64))
                                 .size());
        }
        const std::vector<double> spread{8, 1, 1, 0};
        const std::vector<int> bits =
            isGreedy ? allocateBitsGreedily(spread, 3, ClipPrior::Gauss).bits : allocateBits(spread, 3).bits;
        QVERIFY(bits[0] > bits[1]);
        // Equal channels never meet 5.3 bits: the loop's float target passes 5 by a hair in its ninth round,
        // for which ceil gives 6, and so ends below 5 in its tenth.
        QCOMPARE(allocateBits(std::vector<double>(4, 1.0), 5.3, BitRounding::Ceil).bits,
                 std::vector<int>(4, 5));
        for (std::size_t c = 0; c < 4; ++c) {
            QVERIFY(levels[c] <= std::size_t(1) << bits[c]);
        }
        QCOMPARE(levels[3], std::size_t{1});  // a constant channel is its mean
        QCOMPARE(used[255], 0.25F);
        QVERIFY(levels[0] > levels[1]);
        QCOMPARE(result.plan.channelBits.at({LayerId("c"), SiteKind::Weight}), bits);
        // 64 weights a channel; one byte a channel says how many bits.
        const LayerBudget shared = computeBudget(result.model, config, result.plan.channelBits).layers[0];
        const LayerBudget nominal = computeBudget(result.model, config).layers[0];
        QCOMPARE(shared.weightBytes, std::int64_t{8} * (bits[0] + bits[1] + bits[2] + bits[3]));
        QCOMPARE(nominal.weightBytes, std::int64_t{256 * 3 / 8});
        QCOMPARE(shared.requantBytes, nominal.requantBytes + 4);
    }

    void whatExportsCannotDo() {
        Graph graph = withInput();
        Conv2dOp conv;
        conv.weight = randomTensor({1, 1, 3, 3}, 3);
        conv.padding = {1, 1, 1, 1};
        graph.output = graph.append("c", conv, {0});
        const PreparedModel model = prepare(graph, {1, 2, 2});
        QuantPlan plan;
        plan.online[{kInputLayer, SiteKind::Output}] = {};
        QVERIFY(
            messageOf([&] { deployable(model, plan); }).contains("'input' takes its range from each batch"));
        plan.paddedBefore.insert(LayerId("c"));
        QVERIFY(
            messageOf([&] { paddingValue(model, model.layers[0], plan); }).contains("layer 'c' pads before"));
        plan.online.clear();
        QParams signs;
        signs.scale = {2};
        signs.zeroPoint = {0};
        signs.quantMax = 1;
        signs.tables = {LevelTable{{-1, 1}, {0}}};
        plan.sites[{kInputLayer, SiteKind::Output}] = signs;
        QVERIFY(messageOf([&] { deployable(model, plan); }).contains("layer 'c' pads before quantization"));
        plan.paddedBefore.clear();
        QCOMPARE(messageOf([&] { deployable(model, plan); }), QString());
        plan.channelBits[{LayerId("c"), SiteKind::Weight}] = {3};  // weights are codes like others
        QCOMPARE(messageOf([&] { deployable(model, plan); }), QString());
        plan.channelBits[{LayerId("c"), SiteKind::Output}] = {3};
        QVERIFY(messageOf([&] {
                    deployable(model, plan);
                }).contains("the output of 'c' has bits of its own for each channel"));

        QuantConfig config;
        config.input.bits = BitWidth(8);
        QCOMPARE(messageOf([&] { requireTrainable(config); }), QString());
        config.input.ranges = RangeTime::Online;
        QVERIFY(
            messageOf([&] { requireTrainable(config); }).contains("'input' takes its range from each batch"));
        config.input.ranges = RangeTime::Offline;
        config.layers[LayerId("c")].padding = PaddingOrder::BeforeQuantization;
        QVERIFY(messageOf([&] { requireTrainable(config); }).contains("layer 'c' pads before quantization"));
    }

    void icnPutsTheShiftOnTheAccumulator() {
        Graph graph = withInput();
        BatchNormOp norm;
        norm.gamma = tensor({3}, {2, -1, 0});
        norm.beta = tensor({3}, {0.5F, 0.25F, 1.5F});
        norm.mean = tensor({3}, {1, 0, 0});
        norm.variance = tensor({3}, {4, 1, 1});
        norm.epsilon = 0;
        NodeId x = graph.append("c", pointwise(3, 1, {1, -0.5F, 0.25F}), {0});
        graph.output = graph.append("n", norm, {x});
        const PreparedModel model = prepare(graph, {1, 2, 2}, {LayerId("c")});
        const Layer& layer = model.layers[0];
        QuantPlan plan;
        QParams grid;
        grid.scale = {0.5F};
        grid.zeroPoint = {0};
        grid.quantMin = -127;
        grid.quantMax = 127;
        plan.sites[{kInputLayer, SiteKind::Output}] = grid;
        grid.scale = {0.25F};
        plan.sites[{layer.id, SiteKind::Weight}] = grid;
        plan.batchNorm[layer.id] = BatchNormMode::Icn;
        const ExecutedLayer executed = executedLayer(model, layer, plan);
        // Scale r = 1, -1, 0; shift = 0.5 - 1 = -0.5, 0.25, 1.5; S = 0.125: B = -4, -2, and none for r = 0.
        QCOMPARE(executed.bias.values()[0], -0.5F);
        QCOMPARE(executed.bias.values()[1], -0.25F);
        QCOMPARE(executed.bias.values()[2], 0.0F);
        QCOMPARE(executed.batchNorm->beta.values()[0], 0.0F);
        QCOMPARE(executed.batchNorm->beta.values()[2], 1.5F);  // the constant channel keeps its constant
        QCOMPARE(executed.batchNorm->gamma.values()[2], 0.0F);
        QCOMPARE(executed.weight.values()[1], -0.5F);

        plan.batchNorm[layer.id] = BatchNormMode::FakeBn;
        const ExecutedLayer folded = executedLayer(model, layer, plan);
        QVERIFY(!folded.batchNorm.has_value());
        QCOMPARE(folded.weight.values()[1], 0.5F);
        QCOMPARE(folded.bias.values()[0], -0.5F);

        plan.batchNorm[layer.id] = BatchNormMode::NotFolded;
        const ExecutedLayer apart = executedLayer(model, layer, plan);
        QVERIFY(!apart.bias.defined());
        QCOMPARE(apart.batchNorm->beta.values()[0], 0.5F);
    }

    void fakeBatchNormGetsTheFoldedGrid() {
        Graph graph = withInput();
        BatchNormOp norm;
        norm.gamma = tensor({2}, {4, 1});
        norm.beta = norm.mean = tensor({2}, {0, 0});
        norm.variance = tensor({2}, {1, 1});
        norm.epsilon = 0;
        const NodeId x = graph.append("c", pointwise(2, 1, {1, 2}), {0});
        graph.output = graph.append("n", norm, {x});
        const PreparedModel folded = prepare(graph, {1, 2, 2});
        QuantConfig config = eightBits(folded);
        const QParams expected = resolvePlan(folded, config, {}).sites.at({LayerId("c"), SiteKind::Weight});
        config.layers[LayerId("c")].batchNorm = BatchNormMode::FakeBn;
        QVERIFY(messageOf([&] { resolvePlan(folded, config, {}); }).contains("prepare the model for this"));
        const PreparedModel kept = preparedFor(folded, config);
        const QuantPlan plan = resolvePlan(kept, config, {});
        QVERIFY(plan.sites.at({LayerId("c"), SiteKind::Weight}) == expected);
        config.layers[LayerId("c")].batchNorm = BatchNormMode::Icn;
        const QuantPlan icn = resolvePlan(kept, config, {});
        QVERIFY(!(icn.sites.at({LayerId("c"), SiteKind::Weight}) == expected));  // of 1 and 2, not of 4 and 2

        PreparedModel rounded = kept;
        setQuantizedWeights(rounded, rounded.layers[0], BatchNormMode::FakeBn, std::vector<float>{2, 3});
        QCOMPARE(weightsOf(rounded, "c"), (std::vector<float>{0.5F, 3}));
    }
};

QTEST_APPLESS_MAIN(TestPostTrainingMethods)
#include "test_post_training_methods.moc"
