#include "core/plan/quant_plan.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe::core;

namespace {

/// input -> linear with 4 outputs of 3 weights each, built by hand.
PreparedModel tinyModel(std::vector<float> weights = {1, -2, 0.5F, 0.25F, 0, -0.5F, 4, 4, 4, -8, 1, 1}) {
    PreparedModel model;
    model.graph.name = "tiny";
    model.graph.nodes = {
        {"input", InputOp{}, {}, {1, 3}},
        {"fc",
         LinearOp{FloatTensor({4, 3}, std::move(weights)), FloatTensor({4}, {0.1F, 0.2F, 0.3F, 0.4F})},
         {0},
         {1, 4}},
    };
    model.graph.output = 1;
    Layer layer;
    layer.id = LayerId("fc");
    layer.kind = LayerKind::Linear;
    layer.node = 1;
    layer.outputNode = 1;
    layer.weightShape = {4, 3};
    layer.weightCount = 12;
    layer.outputChannels = 4;
    model.layers = {layer};
    return model;
}

Statistics tinyStatistics() {
    Statistics statistics;
    statistics.sites[{kInputLayer, SiteKind::Output}] =
        collectStatistics(std::vector<float>{0, 1, 2}, 1, 3, 1);
    statistics.sites[{LayerId("fc"), SiteKind::Output}] =
        collectStatistics(std::vector<float>{-1, 2, 3, -4, 1, 2, 3, 8}, 2, 4, 1);
    return statistics;
}

SiteQuant quant(int bits, Granularity::Kind kind = Granularity::Kind::Tensor, int groupSize = 0) {
    SiteQuant result;
    result.bits = BitWidth(bits);
    result.quantizer = {"symmetric", {}};
    result.granularity = {kind, groupSize};
    return result;
}

QuantConfig config(const SiteQuant& weight, const SiteQuant& output) {
    QuantConfig result;
    result.input = quant(8);
    result.layers[LayerId("fc")] = {weight, output, BatchNormMode::Folded};
    return result;
}

QString failure(const PreparedModel& model, const QuantConfig& config, const Statistics& statistics,
                ErrorCode code) {
    try {
        resolvePlan(model, config, statistics);
    } catch (const Error& error) {
        return error.code() == code ? QString(error.what()) : QString("wrong code: %1").arg(error.what());
    }
    return "nothing was thrown";
}

const SiteId kWeight{LayerId("fc"), SiteKind::Weight};
const SiteId kOutput{LayerId("fc"), SiteKind::Output};

}  // namespace

class TestQuantPlan : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void floatSitesAreAbsent() {
        const QuantPlan plan = resolvePlan(tinyModel(), QuantConfig{}, Statistics{});
        QVERIFY(plan.sites.empty());
        QVERIFY(plan.find(kWeight) == nullptr);
    }

    void weightsPerTensorChannelAndGroup() {
        const PreparedModel model = tinyModel();
        const Statistics statistics = tinyStatistics();
        const SiteQuant output = quant(8);
        const QParams tensor = *resolvePlan(model, config(quant(4), output), statistics).find(kWeight);
        QCOMPARE(tensor.scale, (std::vector<float>{static_cast<float>(8.0 / 7)}));
        QVERIFY(!tensor.axis);

        const QParams channel =
            *resolvePlan(model, config(quant(4, Granularity::Kind::Channel), output), statistics)
                 .find(kWeight);
        QCOMPARE(channel.axis, std::optional(0));
        QCOMPARE(channel.scale,
                 (std::vector<float>{static_cast<float>(2.0 / 7), static_cast<float>(0.5 / 7),
                                     static_cast<float>(4.0 / 7), static_cast<float>(8.0 / 7)}));
        const QParams group =
            *resolvePlan(model, config(quant(4, Granularity::Kind::Group, 2), output), statistics)
                 .find(kWeight);
        QCOMPARE(group.axis, std::optional(0));
        QCOMPARE(group.scale, (std::vector<float>{static_cast<float>(2.0 / 7), static_cast<float>(2.0 / 7),
                                                  static_cast<float>(8.0 / 7), static_cast<float>(8.0 / 7)}));
        QCOMPARE(group.zeroPoint.size(), std::size_t{4});
    }

    void activationsPerTensorAndChannel() {
        const PreparedModel model = tinyModel();
        const Statistics statistics = tinyStatistics();
        const QuantPlan plan =
            resolvePlan(model, config({}, quant(8, Granularity::Kind::Channel)), statistics);
        QCOMPARE(plan.find(kWeight), nullptr);
        QCOMPARE(plan.find({kInputLayer, SiteKind::Output})->scale[0], static_cast<float>(2.0 / 255));
        const QParams& output = *plan.find(kOutput);
        QCOMPARE(output.axis, std::optional(1));
        QCOMPARE(output.scale,
                 (std::vector<float>{static_cast<float>(1.0 / 127), static_cast<float>(2.0 / 127),
                                     static_cast<float>(3.0 / 127), static_cast<float>(8.0 / 127)}));
        const QuantPlan grouped =
            resolvePlan(model, config({}, quant(8, Granularity::Kind::Group, 2)), statistics);
        QCOMPARE(grouped.find(kOutput)->scale[0], static_cast<float>(2.0 / 127));
        QCOMPARE(grouped.find(kOutput)->scale[3], static_cast<float>(8.0 / 127));
    }

    void everyObserverServesWeightsPerChannel() {
        for (const char* observer : {"min_max", "moving_average", "percentile", "mse"}) {
            SiteQuant weight = quant(4, Granularity::Kind::Channel);
            weight.observer.name = observer;
            const QParams q =
                *resolvePlan(tinyModel(), config(weight, quant(8)), tinyStatistics()).find(kWeight);
            QCOMPARE(q.scale.size(), std::size_t{4});
            // The third channel is constant: every observer sees the constant alone.
            QCOMPARE(q.scale[2], static_cast<float>(4.0 / 7));
        }
    }

    void aManualRangeWins() {
        SiteQuant output = quant(8);
        output.manualRange = Range{-1.27, 1.27};
        QuantPlan plan = resolvePlan(tinyModel(), config(quant(8), output), tinyStatistics());
        QCOMPARE(plan.find(kOutput)->scale[0], static_cast<float>(1.27 / 127));
        // It needs no calibration either.
        QuantConfig onlyOutput = config({}, output);
        onlyOutput.input = {};
        plan = resolvePlan(tinyModel(), onlyOutput, Statistics{});
        QCOMPARE(plan.sites.size(), std::size_t{1});
    }

    void oneSiteAlone() {
        const PreparedModel model = tinyModel();
        const FloatTensor weights = layerWeights(model, model.layers[0]);
        const SiteStatistics statistics = weightStatistics(weights);
        QCOMPARE(statistics.channelRanges.size(), std::size_t{4});
        QCOMPARE(layerBias(model, model.layers[0]).size(), std::int64_t{4});
        const QParams fromWeights = resolveSite(&model.layers[0], weights, kWeight, quant(4), nullptr);
        const QParams fromCache = resolveSite(&model.layers[0], weights, kWeight, quant(4), &statistics);
        QCOMPARE(fromWeights, fromCache);
        Layer without;
        QVERIFY(!layerWeights(model, without).defined());
        QVERIFY(weightStatistics(FloatTensor()).empty());
    }

    void mistakesNameTheSite() {
        const PreparedModel model = tinyModel();
        const Statistics statistics = tinyStatistics();
        QVERIFY(
            failure(model, config(quant(8), quant(8)), {}, ErrorCode::NotCalibrated).contains("graph input"));
        QVERIFY(failure(model, config(quant(8, Granularity::Kind::Group, 3), quant(8)), statistics,
                        ErrorCode::InvalidConfig)
                    .contains("weights of 'fc': groups of 3 channels do not divide its 4 channels"));
        SiteQuant percentile = quant(8, Granularity::Kind::Channel);
        percentile.observer = {"percentile", {}};
        QCOMPARE(resolvePlan(model, config({}, percentile), statistics).find(kOutput)->slices(),
                 std::size_t{4});
        Statistics extremaAlone = statistics;
        extremaAlone.sites[kOutput].channels.clear();
        QVERIFY(failure(model, config({}, percentile), extremaAlone, ErrorCode::InvalidConfig)
                    .contains("output of 'fc': observer 'percentile' needs more"));
        SiteQuant typo = quant(8);
        typo.quantizer.name = "afine";
        QVERIFY(
            failure(model, config(typo, quant(8)), statistics, ErrorCode::InvalidConfig)
                .contains(
                    "weights of 'fc': unknown quantizer 'afine'; known: affine, symmetric, power_of_two"));
        QVERIFY(failure(model, config(quant(1), quant(8)), statistics, ErrorCode::InvalidConfig)
                    .contains("weights of 'fc': quantizer 'symmetric': 1 bit"));
        SiteQuant manual = quant(8, Granularity::Kind::Channel);
        manual.manualRange = Range{-1, 1};
        QVERIFY(failure(model, config(manual, quant(8)), statistics, ErrorCode::InvalidConfig)
                    .contains("by hand"));
        manual.granularity = {};
        manual.manualRange = Range{1, -1};
        QVERIFY(failure(model, config(manual, quant(8)), statistics, ErrorCode::InvalidConfig)
                    .contains("weights of 'fc'"));
        QuantConfig unknown;
        unknown.layers[LayerId("nowhere")] = {};
        QVERIFY(failure(model, unknown, statistics, ErrorCode::InvalidConfig).contains("'nowhere'"));
        const PreparedModel poisoned = tinyModel({1, 1, 1, 1, 1, std::nanf(""), 1, 1, 1, 1, 1, 1});
        for (const auto kind : {Granularity::Kind::Tensor, Granularity::Kind::Channel}) {
            QVERIFY(failure(poisoned, config(quant(8, kind), quant(8)), statistics, ErrorCode::NonFiniteInput)
                        .contains("weights of 'fc'"));
        }
        QVERIFY_EXCEPTION_THROWN(resolveSite(nullptr, {}, kWeight, quant(8), nullptr), Error);
        QVERIFY_EXCEPTION_THROWN(resolveSite(nullptr, {}, kOutput, SiteQuant{}, nullptr), Error);
    }
};

QTEST_APPLESS_MAIN(TestQuantPlan)
#include "test_quant_plan.moc"
