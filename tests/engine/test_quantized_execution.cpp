#include "engine/evaluator.h"
#include "engine/fake_quantize_op.h"
#include "engine/layer_errors.h"
#include "engine/quantized_executor.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"

#include "core/graph/prepare.h"
#include "core/plan/padding_value.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"
#include "tests/support/random_graph.h"
#include "tests/support/tensor_compare.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <c10/core/InferenceMode.h>

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe;
using tests::compareTensors;
using tests::randomTensor;

namespace {

core::QParams unsignedGrid(double upper, int zeroPoint = 0) {
    core::QParams grid;
    grid.scale = {static_cast<float>(upper / 255)};
    grid.zeroPoint = {zeroPoint};
    grid.quantMin = 0;
    grid.quantMax = 255;
    return grid;
}

core::QParams signedGrid(std::vector<float> scales, std::optional<int> axis) {
    core::QParams grid;
    grid.zeroPoint.assign(scales.size(), 0);
    grid.scale = std::move(scales);
    grid.quantMin = -127;
    grid.quantMax = 127;
    grid.axis = axis;
    return grid;
}

/// input -> conv 3x3 -> relu6 -> pool -> flatten -> linear
core::PreparedModel smallModel() {
    core::Graph graph;
    graph.name = "small";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
    core::Conv2dOp conv;
    conv.weight = randomTensor({6, 1, 3, 3}, 21, 0.5F);
    conv.bias = randomTensor({6}, 22, 0.2F);
    conv.padding = {1, 1, 1, 1};
    core::NodeId x = graph.append("conv", conv, {0});
    x = graph.append("conv.act", core::ClampOp{0, 6}, {x});
    x = graph.append("pool", core::GlobalAveragePoolOp{}, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    graph.output = graph.append("head", core::LinearOp{randomTensor({3, 6}, 23), randomTensor({3}, 24)}, {x});
    return core::prepare(graph, {1, 12, 12});
}

core::SiteId output(const char* layer) {
    return {core::LayerId(layer), core::SiteKind::Output};
}
core::SiteId weight(const char* layer) {
    return {core::LayerId(layer), core::SiteKind::Weight};
}

at::Tensor run(const core::PreparedModel& model, const core::QuantPlan& plan, const at::Tensor& x) {
    const c10::InferenceMode inference;
    return engine::makeQuantizedExecutor(model, plan).run(x);
}

}  // namespace

class TestQuantizedExecution : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void paddingBeforeQuantizationIsTheImageOfZero() {
        const core::PreparedModel model = smallModel();
        const core::FloatTensor x = randomTensor({2, 1, 12, 12}, 7);
        core::QParams signs;
        signs.scale = {2};
        signs.zeroPoint = {0};
        signs.quantMax = 1;
        signs.tables = {core::LevelTable{{-1, 1}, {-1e-30F}}};  // zero becomes 1
        core::QuantPlan plan;
        plan.sites[output("input")] = signs;
        const at::Tensor real = run(model, plan, engine::wrap(x));
        plan.paddedBefore.insert(core::LayerId("conv"));
        QCOMPARE(core::paddingValue(model, model.layers[0], plan), (std::vector<float>{1}));
        const at::Tensor image = run(model, plan, engine::wrap(x));
        QVERIFY(!at::allclose(real, image, 0, 1e-3));

        // The same by hand: ones around the signs.
        core::PreparedModel unpadded = model;
        auto& conv = std::get<core::Conv2dOp>(unpadded.graph.node(model.layers[0].node).op);
        conv.padding = {0, 0, 0, 0};
        unpadded.graph.nodes.front().outputShape = {1, 1, 14, 14};
        const at::Tensor quantized = engine::fakeQuantize(engine::wrap(x).clone(), signs);
        const at::Tensor surrounded = at::constant_pad_nd(quantized, {1, 1, 1, 1}, 1);
        compareTensors(run(unpadded, {}, surrounded), image, 1e-5);  // sums in another order

        // A grid with a zero pads with it either way.
        plan.sites[output("input")] = unsignedGrid(3, 7);
        QVERIFY(core::paddingValue(model, model.layers[0], plan).empty());
        plan.paddedBefore.clear();
        QVERIFY(core::paddingValue(model, model.layers[0], plan).empty());
    }

    void onlineRangesAreThoseOfTheBatch() {
        const core::PreparedModel model = smallModel();
        core::QuantConfig config;
        config.input.bits = core::BitWidth(3);
        config.input.ranges = core::RangeTime::Online;
        config.layers[core::LayerId("conv")].output = config.input;
        const core::QuantPlan plan = core::resolvePlan(model, config, {});  // without calibration
        QVERIFY(plan.sites.empty());
        QCOMPARE(plan.online.size(), std::size_t{2});
        const core::FloatTensor x = randomTensor({4, 1, 12, 12}, 8);
        const at::Tensor first = run(model, plan, engine::wrap(x));

        // Offline ranges from this very batch are the same.
        core::Statistics statistics;
        config.input.ranges = core::RangeTime::Offline;
        config.layers[core::LayerId("conv")].output.ranges = core::RangeTime::Offline;
        statistics.sites[output("input")] =
            engine::collectStatistics(engine::wrap(x), "input", core::ChannelDetail::Extrema);
        core::QuantPlan offline;
        offline.sites[output("input")] =
            core::resolveSite(nullptr, {}, output("input"), config.input, statistics.find(output("input")));
        {
            const c10::InferenceMode inference;
            const at::Tensor value = engine::makeQuantizedExecutor(model, offline)
                                         .run(engine::wrap(x), model.layers[0].outputNode);
            statistics.sites[output("conv")] =
                engine::collectStatistics(value, "conv", core::ChannelDetail::Extrema);
        }
        compareTensors(run(model, core::resolvePlan(model, config, statistics), engine::wrap(x)), first,
                       1e-5);

        // Another batch, ten times as large, has the same codes: by float rounding, where offline ranges clip.
        const at::Tensor larger = engine::wrap(x) * 10;
        const at::Tensor codesOfInput =
            engine::fakeQuantize(engine::wrap(x).clone(), offline.sites[output("input")]);
        core::QuantPlan inputAlone;
        inputAlone.online[output("input")] = plan.online.at(output("input"));
        const c10::InferenceMode inference;
        compareTensors(engine::makeQuantizedExecutor(model, inputAlone).run(larger, 0) / 10, codesOfInput,
                       1e-5);
    }

    void perTensorAgreesWithLibTorch() {
        const core::FloatTensor x = randomTensor({4, 7, 9, 11}, 1, 3);
        // A scale whose reciprocal is exact: LibTorch multiplies by it, our kernels divide.
        core::QParams grid = unsignedGrid(255.0 / 32, 100);
        const at::Tensor expected = at::fake_quantize_per_tensor_affine(
            engine::wrap(x), static_cast<double>(grid.scale[0]), 100, 0, 255);
        compareTensors(engine::fakeQuantize(engine::wrap(x), grid), expected, 0);
    }

    void everyLayoutGivesTheSameValues_data() {
        QTest::addColumn<bool>("isPerChannel");
        QTest::newRow("per tensor") << false;
        QTest::newRow("per channel") << true;
    }
    void everyLayoutGivesTheSameValues() {
        QFETCH(bool, isPerChannel);
        const core::FloatTensor x = randomTensor({5, 3, 40, 50}, 2);  // 30,000 values: several threads' worth
        const core::QParams grid =
            isPerChannel ? signedGrid({0.01F, 0.02F, 0.005F}, 1) : signedGrid({0.01F}, std::nullopt);
        const at::Tensor plain = engine::wrap(x);
        std::vector<float> expected(static_cast<std::size_t>(x.size()));
        core::fakeQuantizeTensor(x.values(), expected, grid, 5, 3, 2000);
        const at::Tensor reference = engine::wrap({{5, 3, 40, 50}, expected});
        compareTensors(engine::fakeQuantize(plain, grid), reference, 0);
        compareTensors(engine::fakeQuantize(engine::toChannelsLast(plain), grid), reference, 0);
        compareTensors(engine::fakeQuantize(plain.transpose(2, 3), grid), reference.transpose(2, 3), 0);
    }

    void ownTensorsAreOverwrittenOthersNot() {
        const core::FloatTensor x = randomTensor({2, 2, 3, 3}, 3);
        at::Tensor own = engine::wrap(x).clone();
        const void* const memory = own.data_ptr();
        QCOMPARE(engine::fakeQuantize(std::move(own), signedGrid({0.1F}, std::nullopt)).data_ptr(), memory);
        const at::Tensor shared = engine::wrap(x).clone();
        QVERIFY(engine::fakeQuantize(shared, signedGrid({0.1F}, std::nullopt)).data_ptr() !=
                shared.data_ptr());
        engine::fakeQuantize(engine::wrap(x), signedGrid({0.1F}, std::nullopt));
        compareTensors(engine::wrap(x), engine::wrap(randomTensor({2, 2, 3, 3}, 3)), 0);
    }

    void wrongNumberOfScalesIsRefused() {
        QVERIFY_EXCEPTION_THROWN(
            engine::fakeQuantize(engine::wrap(randomTensor({1, 4, 2, 2}, 4)), signedGrid({0.1F, 0.1F}, 1)),
            core::Error);
    }

    void anEmptyPlanIsTheFloatModel() {
        const core::PreparedModel model = smallModel();
        const at::Tensor x = engine::wrap(randomTensor({2, 1, 12, 12}, 5));
        const c10::InferenceMode inference;
        compareTensors(run(model, {}, x),
                       engine::GraphExecutor(model.graph, engine::ExecutionMode::Inference).run(x), 0);
    }

    void aPlanIsAppliedWhereItSays() {
        const core::PreparedModel model = smallModel();
        const auto& conv = std::get<core::Conv2dOp>(model.graph.node(1).op);
        core::QuantPlan plan;
        plan.sites[{core::kInputLayer, core::SiteKind::Output}] = unsignedGrid(8, 128);
        plan.sites[weight("conv")] = signedGrid({0.01F, 0.02F, 0.01F, 0.015F, 0.01F, 0.03F}, 0);
        plan.sites[output("conv")] = unsignedGrid(5.5);
        const core::FloatTensor x = randomTensor({2, 1, 12, 12}, 6);

        // By hand: every tensor through the kernels, then LibTorch in plain order.
        const auto quantized = [](const core::FloatTensor& tensor, const core::QParams& grid,
                                  std::int64_t channels) {
            std::vector<float> values(static_cast<std::size_t>(tensor.size()));
            core::fakeQuantizeTensor(tensor.values(), values, grid, 1, channels, tensor.size() / channels);
            return core::FloatTensor(tensor.shape(), values);
        };
        const core::FloatTensor xHat =
            quantized(x, *plan.find({core::kInputLayer, core::SiteKind::Output}), 1);
        const core::FloatTensor wHat = quantized(conv.weight, *plan.find(weight("conv")), 6);
        const auto bias =
            core::quantizedBias(conv.bias.values(), *plan.find({core::kInputLayer, core::SiteKind::Output}),
                                *plan.find(weight("conv")));
        std::vector<float> biasHat;
        for (std::size_t c = 0; c < 6; ++c) {
            biasHat.push_back(bias.value(c));
        }
        const at::Tensor sums =
            at::conv2d(engine::wrap(xHat), engine::wrap(wHat), engine::wrap({{6}, biasHat}), 1, 1);
        const at::Tensor active = at::clamp(sums, 0, 6).contiguous();
        const core::FloatTensor expected = quantized(engine::unwrap(active), *plan.find(output("conv")), 1);

        const c10::InferenceMode inference;
        const engine::GraphExecutor executor = engine::makeQuantizedExecutor(model, plan);
        const at::Tensor actual =
            executor.run(engine::wrap(x), model.findLayer(core::LayerId("conv"))->outputNode);
        // The two convolutions add nine products in different orders: a sum that lies on a rounding boundary
        // may fall one code apart. Nothing may be further off than that, and hardly anything at all.
        const double step = static_cast<double>(plan.find(output("conv"))->scale[0]);
        const at::Tensor off = actual.sub(engine::wrap(expected)).abs();
        QVERIFY(off.max().item().toDouble() <= 1.001 * step);
        QVERIFY(off.gt(step / 2).sum().item().toLong() <= 2);
    }

    void weightsOfTheModelSurvive() {
        const core::PreparedModel model = smallModel();
        core::QuantPlan plan;
        plan.sites[weight("conv")] = signedGrid({0.5F}, std::nullopt);
        plan.sites[weight("head")] = signedGrid({0.5F}, std::nullopt);
        run(model, plan, engine::wrap(randomTensor({1, 1, 12, 12}, 7)));
        QCOMPARE(core::graphHash(model.graph), smallModel().hash);
    }

    void aClampIsLeftOutOnlyWhereTheGridDoesTheSame() {
        const core::ClampOp relu6{0, 6};
        QVERIFY(engine::gridImpliesClamp(unsignedGrid(6), relu6));
        QVERIFY(engine::gridImpliesClamp(unsignedGrid(5.2), relu6));
        QVERIFY(!engine::gridImpliesClamp(unsignedGrid(7), relu6));        // 6.5 would survive
        QVERIFY(!engine::gridImpliesClamp(unsignedGrid(5.2, 10), relu6));  // -0.1 would survive
        QVERIFY(engine::gridImpliesClamp(unsignedGrid(7), {0, std::numeric_limits<double>::infinity()}));
        core::QParams mixed = unsignedGrid(5);
        mixed.scale.push_back(0.1F);
        mixed.zeroPoint.push_back(0);
        mixed.axis = 1;
        QVERIFY(!engine::gridImpliesClamp(mixed, relu6));  // the second channel reaches 25.5
    }

    void aLeftOutClampChangesNothing() {
        const core::PreparedModel model = smallModel();
        const core::NodeId conv = model.findLayer(core::LayerId("conv"))->node;
        const core::NodeId act = model.findLayer(core::LayerId("conv"))->outputNode;
        core::QuantPlan plan;
        plan.sites[output("conv")] = unsignedGrid(1.7);
        const at::Tensor x = engine::wrap(randomTensor({2, 1, 12, 12}, 8));
        const c10::InferenceMode inference;
        const engine::GraphExecutor plain(model.graph, engine::ExecutionMode::Inference);
        const at::Tensor expected =
            engine::fakeQuantize(at::clamp(plain.run(x, conv), 0, 6), *plan.find(output("conv")));
        compareTensors(engine::makeQuantizedExecutor(model, plan).run(x, act), expected, 0);
    }

    void plansForOtherModelsAreRefused() {
        core::QuantPlan plan;
        plan.sites[output("nowhere")] = unsignedGrid(1);
        try {
            engine::makeQuantizedExecutor(smallModel(), plan);
            QFAIL("a layer that is not there was quantized");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::InvalidConfig);
            QVERIFY(QString(error.what()).contains("nowhere"));
        }
        core::QuantPlan noWeights;
        noWeights.sites[weight("pool")] = signedGrid({1}, std::nullopt);
        QVERIFY_EXCEPTION_THROWN(engine::makeQuantizedExecutor(smallModel(), noWeights), core::Error);
    }

    void evaluationCountsByHand() {
        // Two samples of bars; the head alone decides: weights zero, bias says class 1.
        core::Graph graph;
        graph.nodes.push_back({"input", core::InputOp{}, {}, {1, 1, 12, 12}});
        const core::NodeId flat = graph.append("flatten", core::FlattenOp{}, {0});
        graph.output = graph.append(
            "head", core::LinearOp{{{3, 144}, std::vector<float>(3 * 144, 0.0F)}, {{3}, {0, 1, 0}}}, {flat});
        core::inferShapes(graph, {1, 1, 12, 12});
        const engine::GraphExecutor executor(graph, engine::ExecutionMode::Inference);
        core::BatchSource::Options options;
        options.batchSize = 4;
        const auto result = engine::evaluateClassifier(executor, tests::barBatches(10, options), {});
        QCOMPARE(result.samples, std::int64_t{10});
        QCOMPARE(result.correct, std::int64_t{3});  // labels 0 1 2 0 1 2 0 1 2 0
        const double logSum = std::log(2 + std::exp(1.0));
        QVERIFY(std::fabs(result.meanLoss - (logSum - 0.3)) < 1e-6);  // float logits, exact here
    }

    void wrongShapesAndLabelsAreNamed() {
        const core::PreparedModel model = smallModel();
        const engine::GraphExecutor executor(model.graph, engine::ExecutionMode::Inference);
        core::BatchSource::Options options;
        try {
            engine::evaluateClassifier(executor, tests::barBatches(4, options, {1, 10, 12}), {});
            QFAIL("a 10×12 image went into a 12×12 model");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::ShapeMismatch);
            QVERIFY2(QString(error.what()).contains("1×12×12") && QString(error.what()).contains("1×10×12"),
                     error.what());
        }
        QVERIFY_EXCEPTION_THROWN(engine::requireLabel(3, 3, model.graph), core::Error);
    }

    void cancelStopsAtTheNextBatch() {
        const core::PreparedModel model = smallModel();
        const engine::GraphExecutor executor(model.graph, engine::ExecutionMode::Inference);
        std::int64_t batches = 0;
        core::RunContext* own = nullptr;
        core::RunContext context([&](const core::Progress& progress) {
            batches = progress.done;
            if (progress.done == 2) {
                own->requestCancel();
            }
        });
        own = &context;
        core::BatchSource::Options options;
        options.batchSize = 1;
        QVERIFY_EXCEPTION_THROWN(
            engine::evaluateClassifier(executor, tests::barBatches(50, options), context), core::Cancelled);
        QCOMPARE(batches, std::int64_t{2});
    }

    void layerErrorsIsolateAndAccumulate() {
        const core::PreparedModel model = smallModel();
        core::BatchSource::Options options;
        options.batchSize = 8;
        const core::BatchSource data = tests::barBatches(16, options);
        const auto byLayer = [&](const core::QuantPlan& plan, const char* layer) {
            for (const core::LayerError& error : engine::measureLayerErrors(model, plan, data, {})) {
                if (error.layer == core::LayerId(layer)) {
                    return error;
                }
            }
            return core::LayerError{};
        };
        core::QuantPlan plan;
        plan.sites[weight("conv")] = signedGrid({0.2F}, std::nullopt);
        // Only the convolution is quantized: it alone has an error of its own, the head inherits it.
        const core::LayerError conv = byLayer(plan, "conv");
        QVERIFY(std::isfinite(conv.isolatedSqnrDb) && conv.isolatedSqnrDb > 5);
        QVERIFY(std::fabs(conv.isolatedSqnrDb - conv.accumulatedSqnrDb) < 1e-9);
        QVERIFY(std::isinf(byLayer(plan, "head").isolatedSqnrDb));
        QVERIFY(std::isfinite(byLayer(plan, "head").accumulatedSqnrDb));
        // Against the definition, by hand.
        const c10::InferenceMode inference;
        core::Batch batch;
        double signal = 0;
        double noise = 0;
        for (std::int64_t i = 0; i < 2; ++i) {
            data.read(i, batch);
            const at::Tensor reference = run(model, {}, engine::wrapImages(batch)).to(at::kDouble);
            const at::Tensor changed = run(model, plan, engine::wrapImages(batch)).to(at::kDouble);
            signal += reference.square().sum().item().toDouble();
            noise += reference.sub(changed).square().sum().item().toDouble();
        }
        QVERIFY(std::fabs(byLayer(plan, "head").accumulatedSqnrDb - 10 * std::log10(signal / noise)) < 1e-9);
    }
};

QTEST_GUILESS_MAIN(TestQuantizedExecution)
#include "test_quantized_execution.moc"
