#include "core/deploy/lower.h"
#include "core/deploy/reference_engine.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "tests/support/random_model.h"
#include "tests/support/simulated_model.h"

#include <QtTest>

#include <algorithm>
#include <cmath>

using namespace bitlathe::core;
using namespace bitlathe::tests;

namespace {

QParams grid(float scale, int zeroPoint, int lower, int upper, Rounding rounding = Rounding::HalfEven) {
    QParams result;
    result.scale = {scale};
    result.zeroPoint = {zeroPoint};
    result.quantMin = lower;
    result.quantMax = upper;
    result.rounding = rounding;
    return result;
}

SiteId outputOf(const std::string& layer) {
    return {LayerId(layer), SiteKind::Output};
}
SiteId weightOf(const std::string& layer) {
    return {LayerId(layer), SiteKind::Weight};
}

/// input 1x2x2 -> conv 3x3 pad 1, two channels -> relu, all numbers small enough to compute by hand.
PreparedModel smallModel() {
    Graph graph;
    graph.name = "small";
    graph.nodes.push_back({"input", InputOp{}, {}, {1, 1, 2, 2}});
    Conv2dOp conv;
    // Channel 0: the centre tap times 2, minus the right neighbour; channel 1: the sum of all nine taps.
    conv.weight = FloatTensor({2, 1, 3, 3}, {0, 0, 0, 0, 1.0F, -0.5F, 0, 0, 0,  //
                                             0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F});
    conv.bias = FloatTensor({2}, {0.25F, -1.0F});
    conv.padding = {1, 1, 1, 1};
    const NodeId x = graph.append("conv", conv, {0});
    graph.output = graph.append("relu", ClampOp{0, 3.0}, {x});
    return prepare(graph);
}

QuantPlan smallPlan() {
    QuantPlan plan;
    plan.sites[{kInputLayer, SiteKind::Output}] = grid(0.5F, 3, 0, 15);  // codes 3 + 2 x
    plan.sites[weightOf("conv")] = grid(0.5F, 0, -8, 7);                 // 2, -1; 1
    plan.sites[outputOf("conv")] = grid(0.5F, 1, 0, 15);                 // factor 0.5 * 0.5 / 0.5 = 1/2
    return plan;
}

std::string messageOf(const PreparedModel& model, const QuantPlan& plan) {
    try {
        lower(model, plan);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

class TestLowering : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void convolutionByHand() {
        const IntegerGraph graph = lower(smallModel(), smallPlan());
        QCOMPARE(graph.layers.size(), std::size_t{1});
        const auto& conv = std::get<IntegerConv>(graph.layers[0].op);
        QCOMPARE(conv.weights.bits(), 4);
        QCOMPARE(conv.weights[4], 2);
        QCOMPARE(conv.weights[5], -1);
        QCOMPARE(conv.weights[9], 1);
        // Bias 0.25 and -1 in steps of 0.25: 1 and -4; minus zero point 3 times the sums 1 and 9.
        QCOMPARE(conv.bias, (std::vector<std::int32_t>{1 - 3, -4 - 27}));
        QCOMPARE(plainBias(conv, 3), (std::vector<std::int32_t>{1, -4}));
        QCOMPARE(conv.output.factors, (std::vector<FixedFactor>{fixedFactor(0.5)}));
        QCOMPARE(pureShift(conv.output.factors[0]), std::optional<int>(1));
        // Halves are ties: half even cannot be made half up.
        QCOMPARE(conv.output.rounding, Rounding::HalfEven);
        // relu(0..3): codes 1..7.
        QCOMPARE(conv.output.lower, 1);
        QCOMPARE(conv.output.upper, 7);
        // |bias| + 15 * 9
        QCOMPARE(conv.accumulatorBound, 31 + 135);

        // x = 1, 2 / -1, 4: codes 5, 7 / 1, 11, centred 2, 4 / -2, 8.
        const Codes input = inputCodes(graph, std::vector<float>{1, 2, -1, 4});
        QCOMPARE(input, (Codes{5, 7, 1, 11}));
        const std::vector<Codes> values = runReference(graph, input);
        // Channel 0: 2 a - right + 1: 1, 9 / -11, 17 -> halves 0.5, 4.5, -5.5, 8.5 -> even 0, 4, -6, 8 -> +1, clamped.
        // Channel 1: the sum 12 everywhere - 4 = 8 -> 4 -> 5.
        QCOMPARE(values[static_cast<std::size_t>(graph.output)], (Codes{1, 5, 5, 5, 1, 5, 7, 5}));
    }

    void upperEndsOfChannels() {
        PreparedModel model = smallModel();
        auto& clamp = std::get<ClampOp>(model.graph.node(model.graph.output).op);
        clamp.channelUpper = {3.0, 1.0};
        const IntegerGraph graph = lower(model, smallPlan());
        // As convolutionByHand, with codes up to 1 / 0.5 + 1 = 3 in channel 1.
        const std::vector<Codes> values = runReference(graph, {5, 7, 1, 11});
        QCOMPARE(values[static_cast<std::size_t>(graph.output)], (Codes{1, 3, 5, 3, 1, 3, 7, 3}));
        QCOMPARE(std::get<IntegerConv>(graph.layers[0].op).output.thresholds.size(), std::size_t{2});
        // Where the grid ends before both, it is the clamp.
        QuantPlan narrow = smallPlan();
        narrow.sites[outputOf("conv")] = grid(0.5F, 0, 0, 2);
        const IntegerGraph implied = lower(model, narrow);
        QVERIFY(std::get<IntegerConv>(implied.layers[0].op).output.thresholds.empty());
        QuantPlan wide = smallPlan();
        wide.sites[outputOf("conv")] = grid(0.5F, 1, 0, 255);
        QVERIFY(messageOf(model, wide).find("layer 'conv': equalization gave its relu6") !=
                std::string::npos);
    }

    /// A classifier that has learned nothing yet: logits of zero have no largest one to measure their step by.
    void logitsOfZero() {
        Graph graph;
        graph.nodes.push_back({"input", InputOp{}, {}, {1, 1, 1, 1}});
        Conv2dOp conv;
        conv.weight = FloatTensor({2, 1, 1, 1}, {0, 0});
        graph.output = graph.append("conv", conv, {0});
        QuantPlan plan;
        plan.sites[{kInputLayer, SiteKind::Output}] = grid(0.5F, 3, 0, 15);
        QParams weights = grid(0.5F, 0, -8, 7);
        weights.scale = {0.5F, 0.125F};
        weights.zeroPoint = {0, 0};
        weights.axis = 0;
        plan.sites[weightOf("conv")] = weights;
        const IntegerGraph lowered = lower(prepare(graph), plan);
        QCOMPARE(runReference(lowered, {9})[static_cast<std::size_t>(lowered.output)], (Codes{0, 0}));
    }

    void flooringIsAskedForByName() {
        LoweringOptions options;
        options.requantization = Rounding::Floor;
        const IntegerGraph graph = lower(smallModel(), smallPlan(), options);
        const auto values = runReference(graph, {5, 7, 1, 11});
        QCOMPARE(values[static_cast<std::size_t>(graph.output)], (Codes{1, 5, 5, 5, 1, 5, 7, 5}));
        QCOMPARE(std::get<IntegerConv>(graph.layers[0].op).output.rounding, Rounding::Floor);
    }

    void thresholdsGiveTheSameCodes() {
        LoweringOptions options;
        options.thresholds = true;
        const IntegerGraph plain = lower(smallModel(), smallPlan());
        const IntegerGraph graph = lower(smallModel(), smallPlan(), options);
        const auto& conv = std::get<IntegerConv>(graph.layers[0].op);
        QVERIFY(conv.output.factors.empty());
        QCOMPARE(conv.output.thresholds.size(), std::size_t{2});
        // Code 1 + k from k - 1/2 up, half to even: 2 needs acc/2 > 0.5 (0.5 goes to 0), so acc >= 2; 3 needs
        // acc/2 >= 1.5.
        QCOMPARE(conv.output.thresholds[0].base, 1);
        QCOMPARE(conv.output.thresholds[0].bounds, (std::vector<std::int32_t>{2, 3, 6, 7, 10, 11}));
        for (int i = 0; i < 16 * 16; ++i) {
            const Codes input{i % 16, i / 16, (i * 7) % 16, (i * 5 + 3) % 16};
            QCOMPARE(runReference(graph, input), runReference(plain, input));
        }
    }

    /// Random networks, random bits: the integers are what the simulation in double says, site by site. A
    /// difference is allowed only where the simulated value lies so near a rounding boundary that the 31 bits
    /// of the factor (relative error 2^-31, values below 2^9 steps) decide: 2^-22 of a step.
    void randomModelsAgreeWithTheSimulation_data() {
        QTest::addColumn<bool>("powerOfTwo");
        QTest::addColumn<bool>("thresholds");
        QTest::addColumn<bool>("isLastOutputFloat");
        QTest::newRow("any grid") << false << false << false;
        QTest::newRow("power of two") << true << false << false;
        QTest::newRow("thresholds, raw logits") << false << true << true;
    }
    void randomModelsAgreeWithTheSimulation() {
        QFETCH(bool, powerOfTwo);
        QFETCH(bool, thresholds);
        QFETCH(bool, isLastOutputFloat);
        for (unsigned seed = 1; seed <= 25; ++seed) {
            const PreparedModel model = randomModel(seed);
            const QuantPlan plan =
                randomPlan(model, seed, {.powerOfTwo = powerOfTwo, .isLastOutputFloat = isLastOutputFloat});
            const IntegerGraph graph = lower(model, plan, {.thresholds = thresholds});
            compareSites(model, plan, graph, seed, thresholds);
        }
    }

    /// conv 1x1 (weight 1.0, bias 0.1) in three channels, batch norm kept: scale 0.5 and -0.25, and a third of 0.
    void batchNormBecomesIntegers() {
        Graph graph;
        graph.name = "normalised";
        graph.nodes.push_back({"input", InputOp{}, {}, {1, 1, 1, 4}});
        Conv2dOp conv;
        conv.weight = FloatTensor({3, 1, 1, 1}, {1, 1, 1});
        conv.bias = FloatTensor({3}, {0.1F, 0.1F, 0.1F});
        const NodeId x = graph.append("conv", conv, {0});
        BatchNormOp norm;
        norm.epsilon = 0;
        norm.gamma = FloatTensor({3}, {1, -0.5F, 0});
        norm.beta = FloatTensor({3}, {0.2F, 3, 1.3F});
        norm.mean = FloatTensor({3}, {0.5F, 1, 7});
        norm.variance = FloatTensor({3}, {4, 4, 4});
        graph.output = graph.append("norm", norm, {x});
        const PreparedModel model = prepare(graph, {}, {LayerId("conv")});
        QCOMPARE(model.layers.size(), std::size_t{1});

        QuantPlan plan;
        plan.sites[{kInputLayer, SiteKind::Output}] = grid(0.125F, 0, 0, 255);
        plan.sites[weightOf("conv")] = grid(0.25F, 0, -8, 7);
        plan.sites[outputOf("conv")] = grid(0.25F, 10, 0, 255);
        plan.batchNorm[LayerId("conv")] = BatchNormMode::Icn;
        const IntegerGraph lowered = lower(model, plan);
        const auto& op = std::get<IntegerConv>(lowered.layers[0].op);
        // S = 1/32. B = (0.1 - 0.5 + 0.2 / 0.5) 32 = 0; (0.1 - 1 + 3 / -0.25) 32 = -412.8; the third is 1.3 / 0.25 = 5.2.
        QCOMPARE(plainBias(op, 0), (std::vector<std::int32_t>{0, -413, 5}));
        QCOMPARE(op.output.factors,
                 (std::vector<FixedFactor>{fixedFactor(0.5 / 32 / 0.25), fixedFactor(-0.25 / 32 / 0.25),
                                           fixedFactor(1)}));
        // x = 1, 3: acc0 = 8 * 4 = 32 and 96. 32 / 16 = 2; (32 - 413) / -32 = 11.9; 96 / 16 = 6; 9.9.
        const Codes made = runReference(lowered, {8, 24, 0, 0})[static_cast<std::size_t>(lowered.output)];
        QCOMPARE(Codes(made.begin(), made.begin() + 6), (Codes{12, 22, 15, 16, 20, 15}));

        LoweringOptions thresholds;
        thresholds.thresholds = true;
        plan.sites[outputOf("conv")] = grid(0.75F, 2, 0, 15);
        const IntegerGraph byFactors = lower(model, plan);
        const IntegerGraph byThresholds = lower(model, plan, thresholds);
        QCOMPARE(std::get<IntegerConv>(byThresholds.layers[0].op).output.thresholds[1].step, -1);
        for (int code = 0; code < 256; ++code) {
            const Codes input{code, 255 - code, 0, 255};
            QCOMPARE(runReference(byThresholds, input), runReference(byFactors, input));
        }

        // The same layer folded: other weights, the same values to within the bias's step.
        plan.sites[outputOf("conv")] = grid(0.25F, 10, 0, 255);
        plan.batchNorm[LayerId("conv")] = BatchNormMode::FakeBn;
        plan.sites[weightOf("conv")] = grid(0.25F, 0, -8, 7);
        const Codes folded = runReference(lower(model, plan), {8, 24, 0, 0})[1];
        QCOMPARE(Codes(folded.begin(), folded.begin() + 6), (Codes{12, 22, 15, 16, 20, 15}));
    }

    void weightsOnLevels() {
        PreparedModel model = smallModel();
        QuantPlan plan = smallPlan();
        QParams& weights = plan.sites[weightOf("conv")];
        weights = grid(0.5F, 0, 0, 2);
        weights.tables = {LevelTable{{-0.5F, 0, 1.0F}, {-0.25F, 0.75F}}};
        const IntegerGraph graph = lower(model, plan);
        const auto& conv = std::get<IntegerConv>(graph.layers[0].op);
        QCOMPARE(conv.weights.bits(), 3);  // -1, 0, 2
        QCOMPARE(conv.weights[4], 2);
        QCOMPARE(conv.weights[5], -1);
        QCOMPARE(conv.weights[9], 0);
        weights.tables[0].levels = {-0.5F, 0.001F, 0.70710678F};
        QVERIFY(messageOf(model, plan).starts_with("weights of 'conv' lie on levels"));
        plan = smallPlan();
        plan.sites[outputOf("conv")].tables = {LevelTable{{0, 1}, {0.5F}}};
        QVERIFY(messageOf(model, plan).starts_with("output of 'conv' has levels that are not evenly spaced"));
        plan = smallPlan();
        plan.weightAffine[LayerId("conv")] = {{1, 1}, {0, 0.01F}};
        QVERIFY(messageOf(model, plan).find("off their integer grid") != std::string::npos);
    }

    void refusals() {
        const PreparedModel model = smallModel();
        QuantPlan plan = smallPlan();
        plan.sites.erase({kInputLayer, SiteKind::Output});
        QVERIFY(messageOf(model, plan).starts_with("the graph input is float"));
        plan = smallPlan();
        plan.sites.erase(weightOf("conv"));
        QVERIFY(messageOf(model, plan).starts_with("weights of 'conv' are float"));
        plan = smallPlan();
        plan.sites.erase(outputOf("conv"));
        QVERIFY(messageOf(model, plan).starts_with("output of 'conv' is float"));
        plan = smallPlan();
        plan.sites[outputOf("conv")] = grid(0.01F, 0, 0, 1023);
        QVERIFY(messageOf(model, plan).find("10-bit codes") != std::string::npos);
        plan = smallPlan();
        QParams& perChannel = plan.sites[outputOf("conv")];
        perChannel.scale = {0.5F, 0.25F};
        perChannel.zeroPoint = {1, 1};
        perChannel.axis = 1;
        QVERIFY(messageOf(model, plan).find("a scale for each channel") != std::string::npos);
        plan = smallPlan();
        plan.sites[outputOf("conv")].scale = {1e-20F};
        QVERIFY(messageOf(model, plan).starts_with("layer 'conv': its output step"));
    }

    /// A weight step so fine that the bias needs more than 31 bits: channel 1 saturates whatever it reads and
    /// becomes a constant; a model whose output can vary is refused.
    void accumulatorsThatWouldOverflow() {
        QuantPlan plan = smallPlan();
        plan.sites[weightOf("conv")].scale = {6e-10F};
        PreparedModel model = smallModel();
        std::get<Conv2dOp>(model.graph.node(1).op).bias = FloatTensor({2}, {0.7F, -1.0F});
        const IntegerGraph graph = lower(model, plan);
        const auto& conv = std::get<IntegerConv>(graph.layers[0].op);
        QVERIFY(conv.accumulatorBound < (std::int64_t{1} << 31));
        for (const Codes& input : {Codes{0, 15, 15, 0}, Codes{15, 0, 3, 8}}) {
            const auto values = runReference(graph, input);
            // 2^31 steps of 3e-10 are 0.64, 1.3 output steps: code 2; -1 is below the relu: code 1.
            QCOMPARE(values[static_cast<std::size_t>(graph.output)], (Codes{2, 1, 2, 1, 2, 1, 2, 1}));
        }
        plan.sites[outputOf("conv")] = grid(1e-9F, 128, 0, 255);
        plan.sites[weightOf("conv")].scale = {2e-10F};
        std::get<ClampOp>(model.graph.node(2).op) = ClampOp{-10, 10};
        std::get<Conv2dOp>(model.graph.node(1).op).bias = FloatTensor({2}, {0.0F, 0.2147483F});
        plan.sites[outputOf("conv")] = grid(0.2147483F / 127.5F, 0, 0, 255);
        const std::string message = messageOf(model, plan);
        QVERIFY2(message.find("output channel 1 could reach") != std::string::npos, message.c_str());
    }

private:
    static void compareSites(const PreparedModel& model, const QuantPlan& plan, const IntegerGraph& graph,
                             unsigned seed, bool thresholds) {
        for (unsigned image = 0; image < 2; ++image) {
            const std::vector<float> x = randomImage(model, 1000 * seed + image);
            const SimulatedModel expected = simulate(model, plan, x);
            // Every layer reads the simulation's codes, so one difference cannot hide or cause another.
            std::vector<Codes> values(graph.tensors.size());
            values[static_cast<std::size_t>(graph.input)] = inputCodes(graph, x);
            for (const IntegerLayer& layer : graph.layers) {
                std::vector<Codes> inputs;
                for (const int index : layer.inputs) {
                    inputs.push_back(values[static_cast<std::size_t>(index)]);
                }
                Codes made = runReferenceLayer(graph, layer, inputs);
                const auto site = expected.codes.find({layer.id, SiteKind::Output});
                if (site != expected.codes.end()) {
                    const IntegerTensor& tensor = graph.tensor(layer.output);
                    const Codes simulated = channelsLast(site->second, tensor.channels);
                    compareCodes(layer, tolerance(layer, thresholds), made, simulated,
                                 channelsLast(expected.margins.at(site->first), tensor.channels), seed);
                    made = simulated;
                } else if (graph.tensor(layer.output).bits == 32) {
                    compareLogits(graph, made, expected.output(model));
                }
                values[static_cast<std::size_t>(layer.output)] = std::move(made);
            }
        }
    }

    static void compareLogits(const IntegerGraph& graph, const Codes& made,
                              const std::vector<double>& expected) {
        const double scale = graph.outputTensor().scale;
        for (std::size_t i = 0; i < made.size(); ++i) {
            // Common step: at most half of it, and the factor's 31 bits.
            QVERIFY(std::fabs(made[i] * scale - expected[i]) <= scale * 0.51 + std::fabs(expected[i]) * 1e-8);
        }
    }

    /// Functions like sigmoid are computed in float32: 255 steps of 2^-24, a few roundings.
    static double tolerance(const IntegerLayer& layer, bool thresholds) {
        const auto* const conv = std::get_if<IntegerConv>(&layer.op);
        const bool isFunction = std::holds_alternative<IntegerLookup>(layer.op) ||
                                (conv != nullptr && !conv->output.thresholds.empty() && !thresholds);
        return isFunction ? 0x1p-14 : 0x1p-22;
    }
    static void compareCodes(const IntegerLayer& layer, double most, const Codes& made,
                             const Codes& simulated, const std::vector<double>& margins, unsigned seed) {
        for (std::size_t i = 0; i < made.size(); ++i) {
            const QString where =
                QString("seed %1, layer %2, element %3: integer %4, simulation %5, %6 from the boundary")
                    .arg(seed)
                    .arg(layer.id.str().c_str())
                    .arg(i)
                    .arg(made[i])
                    .arg(simulated[i])
                    .arg(margins[i]);
            QVERIFY2(made[i] == simulated[i] || (std::abs(made[i] - simulated[i]) == 1 && margins[i] < most),
                     qPrintable(where));
        }
    }
};

QTEST_APPLESS_MAIN(TestLowering)
#include "test_lowering.moc"
