#include "engine/ada_round.h"
#include "engine/graph_executor.h"
#include "engine/quantized_executor.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_engine.h"

#include "core/graph/prepare.h"
#include "core/plan/executed_layer.h"
#include "core/ptq/layer_edits.h"
#include "core/ptq/post_training.h"
#include "core/types/error.h"
#include "tests/support/random_graph.h"

#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <QtTest>

#include <cmath>
#include <limits>
#include <set>
#include <string>

using namespace bitlathe;
using tests::barBatches;
using tests::randomTensor;

namespace {

core::BatchNormOp norm(std::int64_t channels, unsigned seed) {
    core::BatchNormOp op;
    op.gamma = randomTensor({channels}, seed);
    op.beta = randomTensor({channels}, seed + 1, 0.5F);
    op.mean = randomTensor({channels}, seed + 2, 0.5F);
    std::vector<float> variance;
    const core::FloatTensor spread = randomTensor({channels}, seed + 3);
    for (const float x : spread.values()) {
        variance.push_back(0.1F + x * x);
    }
    op.variance = core::FloatTensor({channels}, std::move(variance));
    return op;
}

/// input -> conv, batch norm, relu -> depthwise, batch norm, relu -> pool -> flatten -> linear
core::Graph network(double upper = std::numeric_limits<double>::infinity()) {
    core::Graph graph;
    graph.name = "normed";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
    core::Conv2dOp conv;
    conv.weight = randomTensor({6, 1, 3, 3}, 31, 0.4F);
    conv.padding = {1, 1, 1, 1};
    core::NodeId x = graph.append("conv", conv, {0});
    x = graph.append("conv.bn", norm(6, 40), {x});
    x = graph.append("conv.act", core::ClampOp{0, upper}, {x});
    core::Conv2dOp depthwise;
    depthwise.weight = randomTensor({6, 1, 3, 3}, 32, 0.4F);
    depthwise.bias = randomTensor({6}, 33, 0.2F);
    depthwise.groups = 6;
    x = graph.append("dw", depthwise, {x});
    x = graph.append("dw.bn", norm(6, 50), {x});
    x = graph.append("dw.act", core::ClampOp{0, upper}, {x});
    x = graph.append("pool", core::GlobalAveragePoolOp{}, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    graph.output = graph.append("head", core::LinearOp{randomTensor({3, 6}, 34), randomTensor({3}, 35)}, {x});
    return graph;
}

core::QuantConfig config(const core::PreparedModel& model, int weightBits, core::BatchNormMode mode) {
    core::QuantConfig result;
    result.input.bits = core::BitWidth(8);
    for (const core::Layer& layer : model.layers) {
        core::LayerQuant& quant = result.layers[layer.id];
        quant.output.bits = core::BitWidth(8);
        if (layer.hasWeights()) {
            quant.weight.bits = core::BitWidth(weightBits);
            quant.weight.quantizer = {"symmetric", {}};
        }
        quant.batchNorm = mode;
    }
    return result;
}

core::BatchSource images(std::int64_t count, std::int64_t batchSize) {
    core::BatchSource::Options options;
    options.batchSize = batchSize;
    return barBatches(count, options);
}

std::vector<double> meansOf(engine::TorchEngine& engine, const core::PreparedModel& model,
                            const core::QuantPlan& plan, core::NodeId node, const core::BatchSource& data) {
    return engine.postTraining()->channelMoments(model, plan, {node}, data, {}).at(node).mean;
}

/// Tools over one engine and data set.
struct Bench {
    engine::TorchEngine engine;
    core::BatchSource data = images(96, 32);
    core::PostTrainingTools tools;

    Bench() {
        engine.setThreads(1);
        tools.engine = &engine;
        tools.data = &data;
        tools.calibrate = [this](const core::PreparedModel& model) {
            return engine.calibrate(model, data, core::ChannelDetail::Histograms, {});
        };
        tools.seed = {3};
    }
    core::QuantizedModel run(const core::QuantConfig& config) {
        const core::PreparedModel model = core::preparedFor(core::prepare(network()), config);
        return core::applyPostTraining(
            model, config, engine.calibrate(model, data, core::ChannelDetail::Histograms, {}), tools);
    }
};

}  // namespace

class TestPostTrainingEngine : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void momentsAreThoseOfTheValues() {
        Bench bench;
        const core::PreparedModel model = core::prepare(network());
        const auto moments =
            bench.engine.postTraining()->channelMoments(model, {}, {0, model.graph.output}, bench.data, {});
        double sum = 0;
        double squares = 0;
        double lowest = 1e9;
        double count = 0;
        core::Batch batch;
        for (std::int64_t i = 0; i < bench.data.batchCount(); ++i) {
            bench.data.read(i, batch);
            for (const float x : batch.images) {
                sum += double(x);
                squares += double(x) * double(x);
                lowest = std::min(lowest, double(x));
                ++count;
            }
        }
        const core::ChannelMoments& image = moments.at(0);
        QVERIFY(std::fabs(image.mean[0] - sum / count) < 1e-9);
        QVERIFY(std::fabs(image.deviation[0] - std::sqrt(squares / count - sum / count * sum / count)) <
                1e-9);
        QCOMPARE(image.range[0].lower, lowest);
        QVERIFY(image.absoluteDeviation[0] > 0 && image.absoluteDeviation[0] <= image.deviation[0]);
        QCOMPARE(moments.at(model.graph.output).mean.size(), std::size_t{3});
    }

    void floatModelIsTheSameInEveryMode() {
        Bench bench;
        core::Batch batch;
        bench.data.read(0, batch);
        const core::PreparedModel folded = core::prepare(network());
        const core::FloatTensor expected = bench.engine.forward(folded, {}, batch);
        core::QuantConfig keeping = config(folded, 8, core::BatchNormMode::Icn);
        const core::FloatTensor kept = bench.engine.forward(core::preparedFor(folded, keeping), {}, batch);
        for (std::size_t i = 0; i < expected.values().size(); ++i) {
            // Folding rounds each weight once; sums of some dozen terms of order 1.
            QVERIFY(std::fabs(expected.values()[i] - kept.values()[i]) < 1e-4F);
        }
    }

    void equalizedFloatModelIsTheSame_data() {
        QTest::addColumn<int>("relu6");
        QTest::addColumn<int>("balance");
        QTest::addColumn<bool>("isSame");
        QTest::newRow("by error") << 0 << 0 << true;
        QTest::newRow("by weights") << 0 << 1 << true;
        QTest::newRow("relu6 replaced") << 2 << 1 << false;  // shows that the images reach the upper end
    }
    void equalizedFloatModelIsTheSame() {
        QFETCH(int, relu6);
        QFETCH(int, balance);
        QFETCH(bool, isSame);
        Bench bench;
        // The upper end is low enough for many values to lie beyond it.
        const core::PreparedModel model = core::prepare(network(0.6));
        core::QuantConfig wanted = config(model, 4, core::BatchNormMode::Folded);
        wanted.postTraining = {{"cross_layer_equalization", {{"relu6", relu6}, {"balance", balance}}}};
        const core::QuantizedModel equalized = core::applyPostTraining(
            model, wanted, bench.engine.calibrate(model, bench.data, core::ChannelDetail::Histograms, {}),
            bench.tools);
        QVERIFY(equalized.model.hash != model.hash);
        core::Batch batch;
        bench.data.read(0, batch);
        for (float& pixel : batch.images) {
            pixel *= 3;  // beyond what calibration saw
        }
        const core::FloatTensor before = bench.engine.forward(model, {}, batch);
        const core::FloatTensor after = bench.engine.forward(equalized.model, {}, batch);
        double furthest = 0;
        double largest = 0;
        for (std::size_t i = 0; i < before.values().size(); ++i) {
            furthest = std::max(furthest, std::fabs(double(before.values()[i]) - double(after.values()[i])));
            largest = std::max(largest, std::fabs(double(before.values()[i])));
        }
        // Each weight was scaled, and rounded, some dozen times: 2^-24 each, sums of ten terms.
        QVERIFY2((furthest < 1e-5 * largest) == isSame, qPrintable(QString::number(furthest / largest)));
    }

    void modesOfBatchNorm_data() {
        QTest::addColumn<int>("mode");
        QTest::newRow("folded") << int(core::BatchNormMode::Folded);
        QTest::newRow("not folded") << int(core::BatchNormMode::NotFolded);
        QTest::newRow("icn") << int(core::BatchNormMode::Icn);
        QTest::newRow("fake bn") << int(core::BatchNormMode::FakeBn);
    }
    void modesOfBatchNorm() {
        QFETCH(int, mode);
        Bench bench;
        core::Batch batch;
        bench.data.read(0, batch);
        const core::PreparedModel folded = core::prepare(network());
        const core::FloatTensor exact = bench.engine.forward(folded, {}, batch);
        const core::QuantizedModel quantized = bench.run(config(folded, 8, core::BatchNormMode(mode)));
        const core::FloatTensor now = bench.engine.forward(quantized.model, quantized.plan, batch);
        double error = 0;
        double signal = 0;
        for (std::size_t i = 0; i < exact.values().size(); ++i) {
            error += std::pow(double(exact.values()[i]) - double(now.values()[i]), 2);
            signal += std::pow(double(exact.values()[i]), 2);
        }
        // 8 bits of everything: some 40 dB at the logits; 25 shows that nothing is missing.
        QVERIFY2(10 * std::log10(signal / error) > 25,
                 qPrintable(QString::number(10 * std::log10(signal / error))));
        QVERIFY(error > 0);
    }

    void fakeBatchNormComputesAsFolded() {
        Bench bench;
        core::Batch batch;
        bench.data.read(0, batch);
        const core::PreparedModel model = core::prepare(network());
        const core::QuantizedModel folded = bench.run(config(model, 4, core::BatchNormMode::Folded));
        const core::QuantizedModel fake = bench.run(config(model, 4, core::BatchNormMode::FakeBn));
        const core::Layer& layer = fake.model.layers[0];
        QVERIFY(layer.batchNorm >= 0);
        const core::ExecutedLayer a = core::executedLayer(folded.model, folded.model.layers[0], folded.plan);
        const core::ExecutedLayer b = core::executedLayer(fake.model, layer, fake.plan);
        QVERIFY(std::equal(a.weight.values().begin(), a.weight.values().end(), b.weight.values().begin()));
        QVERIFY(std::equal(a.bias.values().begin(), a.bias.values().end(), b.bias.values().begin()));
    }

    void empiricalCorrectionMeetsTheMeans_data() { modesOfBatchNorm_data(); }
    void empiricalCorrectionMeetsTheMeans() {
        QFETCH(int, mode);
        Bench bench;
        core::QuantConfig wanted = config(core::prepare(network()), 3, core::BatchNormMode(mode));
        const core::QuantizedModel plain = bench.run(wanted);
        wanted.postTraining = {{"bias_correction", {}}};
        const core::QuantizedModel corrected = bench.run(wanted);
        for (const core::Layer& layer : corrected.model.layers) {
            if (!layer.hasWeights()) {
                continue;
            }
            const core::NodeId node = core::preActivationNode(layer);
            const auto exact = meansOf(bench.engine, core::floatModel(corrected.model), {}, node, bench.data);
            const auto before = meansOf(bench.engine, plain.model, plain.plan, node, bench.data);
            const auto after = meansOf(bench.engine, corrected.model, corrected.plan, node, bench.data);
            double worst = 0;
            double worstBefore = 0;
            for (std::size_t c = 0; c < exact.size(); ++c) {
                worst = std::max(worst, std::fabs(after[c] - exact[c]));
                worstBefore = std::max(worstBefore, std::fabs(before[c] - exact[c]));
            }
            // What is left comes from the grid of the bias and, at the logits, from their own 8-bit grid.
            const core::QParams* const input = core::accumulatorInput(corrected.model, layer, corrected.plan);
            const float step =
                input->scale[0] * corrected.plan.sites.at({layer.id, core::SiteKind::Weight}).scale[0];
            const double allowed = 0.5 * double(step) + 0.02;
            QVERIFY2(worst < allowed && worst < worstBefore / 3,
                     qPrintable(QString::fromStdString(layer.id.str()) + ": " + QString::number(worst) +
                                " of " + QString::number(worstBefore)));
        }
    }

    void otherFormsReduceTheShift_data() {
        QTest::addColumn<QString>("method");
        QTest::addColumn<int>("form");
        QTest::newRow("statistics") << "bias_correction" << 1;
        QTest::newRow("batch norm") << "bias_correction" << 2;
        QTest::newRow("advanced calibration") << "advanced_calibration" << 0;
    }
    void otherFormsReduceTheShift() {
        QFETCH(QString, method);
        QFETCH(int, form);
        Bench bench;
        core::QuantConfig wanted = config(core::prepare(network()), 3, core::BatchNormMode::Folded);
        const core::QuantizedModel plain = bench.run(wanted);
        core::ParamValues params;
        if (method == "bias_correction") {
            params["form"] = form;
        } else {
            params = {{"factor", 0.2}, {"passes", 10.0}};
        }
        wanted.postTraining = {{method.toStdString(), params}};
        const core::QuantizedModel corrected = bench.run(wanted);
        // The first layer's inputs are what the formulas take them to be; later ones see earlier layers' errors.
        const core::NodeId node = corrected.model.layers[0].node;
        const auto exact = meansOf(bench.engine, core::floatModel(corrected.model), {}, node, bench.data);
        const auto before = meansOf(bench.engine, plain.model, plain.plan, node, bench.data);
        const auto after = meansOf(bench.engine, corrected.model, corrected.plan, node, bench.data);
        double left = 0;
        double was = 0;
        for (std::size_t c = 0; c < exact.size(); ++c) {
            left += std::fabs(after[c] - exact[c]);
            was += std::fabs(before[c] - exact[c]);
        }
        QVERIFY2(left < 0.5 * was, qPrintable(QString::number(left) + " of " + QString::number(was)));
    }

    void adjustmentWithFactorOneIsTheDifference() {
        Bench bench;
        const core::BatchSource one = images(32, 32);
        const core::QuantizedModel plain =
            bench.run(config(core::prepare(network()), 3, core::BatchNormMode::Folded));
        const core::LayerId first = plain.model.layers[0].id;
        const auto delta = bench.engine.postTraining()->adjustBiases(plain.model, plain.plan, {first},
                                                                     {1.0, 1.0, 1}, one, {});
        const core::NodeId node = plain.model.layers[0].node;
        const auto exact = meansOf(bench.engine, plain.model, {}, node, one);
        const auto now = meansOf(bench.engine, plain.model, plain.plan, node, one);
        for (std::size_t c = 0; c < exact.size(); ++c) {
            QVERIFY(std::fabs(delta.at(first)[c] - (exact[c] - now[c])) < 1e-6);  // float32 means
        }
    }

    void rectifiedSigmoidAndItsInverse() {
        const at::Tensor rest = engine::wrap({{5}, {0.0F, 0.1F, 0.5F, 0.9F, 0.999F}});
        const at::Tensor back = engine::rectifiedSigmoid(engine::rectifiedSigmoidInverse(rest));
        for (std::int64_t i = 0; i < 5; ++i) {
            QVERIFY(std::fabs((back[i] - rest[i]).item().toDouble()) <
                    1e-5);  // float32 logarithm and exponential
        }
    }

    void roundingIsLearned_data() { modesOfBatchNorm_data(); }
    void roundingIsLearned() {
        QFETCH(int, mode);
        Bench bench;
        core::QuantConfig wanted = config(core::prepare(network()), 3, core::BatchNormMode(mode));
        const core::QuantizedModel nearest = bench.run(wanted);
        wanted.postTraining = {{"ada_round", {{"iterations", 80.0}, {"learning_rate", 0.05}}}};
        const core::QuantizedModel rounded = bench.run(wanted);
        if (mode == 0) {
            QVERIFY(bench.run(wanted).model.hash == rounded.model.hash);  // the same bytes again
        }

        const core::Layer& layer = rounded.model.layers[0];
        const core::QParams& grid = rounded.plan.sites.at({layer.id, core::SiteKind::Weight});
        const core::FloatTensor exact = core::weightsToQuantize(core::floatModel(rounded.model), layer,
                                                                rounded.plan.batchNormMode(layer.id));
        const auto used = core::quantizedWeights(rounded.model, layer, rounded.plan);
        for (std::size_t i = 0; i < used.size(); ++i) {
            QVERIFY(std::fabs(used[i] - exact.values()[i]) <
                    grid.scale[0] * 1.001F);  // down or up, no further
        }
        // What it is for: the layers' outputs, all in all, are nearer to the float model's.
        const auto before = bench.engine.layerErrors(nearest.model, nearest.plan, bench.data, {});
        const auto after = bench.engine.layerErrors(rounded.model, rounded.plan, bench.data, {});
        QVERIFY2(after.back().accumulatedSqnrDb > before.back().accumulatedSqnrDb,
                 qPrintable(QString::number(after.back().accumulatedSqnrDb) + " after " +
                            QString::number(before.back().accumulatedSqnrDb)));
        QVERIFY(after[0].isolatedSqnrDb > before[0].isolatedSqnrDb);
        QVERIFY(std::isfinite(
            after[0].isolatedSqnrDb));  // measured against the float weights, not the rounded ones
    }

    void roundingNeedsAnEvenGrid() {
        Bench bench;
        core::QuantConfig wanted = config(core::prepare(network()), 3, core::BatchNormMode::Folded);
        core::QuantizedModel model = bench.run(wanted);
        const core::Layer& layer = model.model.layers[0];
        model.plan.weightAffine[layer.id] = {std::vector<float>(6, 1.0F), std::vector<float>(6, 0.0F)};
        try {
            bench.engine.postTraining()->learnRounding(model.model, model.plan, layer, {}, bench.data, {});
            QFAIL("weights off their grid were rounded");
        } catch (const core::Error& error) {
            QVERIFY(std::string(error.what()).find("evenly spaced grid") != std::string::npos);
        }
    }

    void activationsShareBits() {
        Bench bench;
        core::QuantConfig wanted = config(core::prepare(network()), 8, core::BatchNormMode::Folded);
        for (const char* id : {"conv", "dw"}) {
            core::SiteQuant& output = wanted.layers.at(core::LayerId(id)).output;
            output.bits = core::BitWidth(4);
            output.granularity.kind = core::Granularity::Kind::Channel;
        }
        wanted.postTraining = {{"activation_bit_allocation", {{"rule", 1.0}}}};
        const core::QuantizedModel result = bench.run(wanted);
        const core::QParams& grid = result.plan.sites.at({core::LayerId("conv"), core::SiteKind::Output});
        QCOMPARE(grid.tables.size(), std::size_t{6});
        double bits = 0;
        for (const core::LevelTable& table : grid.tables) {
            std::set<float> distinct(table.levels.begin(), table.levels.end());
            bits += std::round(std::log2(double(distinct.size())));
            QVERIFY(*distinct.begin() >= 0);  // behind a relu
        }
        QCOMPARE(bits / 6, 4.0);  // the greedy rule spends exactly what it was given
        QVERIFY(bench.engine.evaluate(result.model, result.plan, bench.data, {}).samples == 96);
    }
};

QTEST_APPLESS_MAIN(TestPostTrainingEngine)
#include "test_post_training_engine.moc"
