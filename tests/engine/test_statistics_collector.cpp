#include "engine/process_setup.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"

#include "core/graph/prepare.h"
#include "core/types/error.h"
#include "tests/support/random_graph.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe;
using tests::randomTensor;

namespace {

constexpr core::ChannelDetail kAll = core::ChannelDetail::Histograms;

core::PreparedModel tinyModel(core::Shape input = {1, 12, 12}) {
    core::Graph graph;
    graph.name = "tiny";
    graph.nodes.push_back({"input", core::InputOp{}, {}, {1, input[0], input[1], input[2]}});
    core::Conv2dOp conv;
    conv.weight = randomTensor({4, input[0], 3, 3}, 1);
    core::NodeId x = graph.append("conv", conv, {0});
    x = graph.append("conv.act", core::ClampOp{0, std::numeric_limits<double>::infinity()}, {x});
    x = graph.append("max", core::Pool2dOp{}, {x});
    x = graph.append("flatten", core::FlattenOp{}, {x});
    graph.output = graph.append("head", core::LinearOp{randomTensor({3, 100}, 2), {}}, {x});
    return core::prepare(graph, input);
}

void compareHistograms(const core::Histogram& actual, const core::Histogram& expected) {
    QCOMPARE(actual.total(), expected.total());
    QCOMPARE(actual.zeros(), expected.zeros());
    QCOMPARE(actual.exponent(), expected.exponent());
    QCOMPARE(actual.firstBin(), expected.firstBin());
    QCOMPARE(actual.counts(), expected.counts());
}

}  // namespace

class TestStatisticsCollector : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyLayoutAgreesWithTheDefinition_data() {
        QTest::addColumn<QString>("layout");
        QTest::newRow("plain") << "plain";
        QTest::newRow("channels last") << "last";
        QTest::newRow("transposed") << "transposed";
    }
    void everyLayoutAgreesWithTheDefinition() {
        QFETCH(QString, layout);
        const core::FloatTensor x = randomTensor({6, 5, 37, 41}, 3, 2);
        at::Tensor value = engine::wrap(x);
        if (layout == "last") {
            value = engine::toChannelsLast(value);
        } else if (layout == "transposed") {
            value = value.transpose(0, 1).contiguous().transpose(0, 1);
        }
        const core::SiteStatistics actual = engine::collectStatistics(value, "site", kAll);

        long double sum = 0;
        long double squares = 0;
        long double magnitudes = 0;
        std::vector<core::Range> channels(5, {1e9, -1e9});
        for (std::size_t i = 0; i < x.values().size(); ++i) {
            const auto v = static_cast<double>(x.values()[i]);
            sum += v;
            squares += v * v;
            magnitudes += std::fabs(v);
            core::Range& range = channels[i / (37 * 41) % 5];
            range.lower = std::min(range.lower, v);
            range.upper = std::max(range.upper, v);
        }
        QCOMPARE(actual.count, static_cast<std::uint64_t>(x.size()));
        QCOMPARE(actual.samples, std::uint64_t{6});
        // Doubles added in another order: far below 1e-12 of the magnitudes' sum.
        const double tolerance = 1e-12 * static_cast<double>(squares + magnitudes);
        QVERIFY(std::fabs(actual.sum - static_cast<double>(sum)) < tolerance);
        QVERIFY(std::fabs(actual.sumOfSquares - static_cast<double>(squares)) < tolerance);
        QVERIFY(std::fabs(actual.sumOfMagnitudes - static_cast<double>(magnitudes)) < tolerance);
        QCOMPARE(actual.channelRanges.size(), std::size_t{5});
        for (std::size_t c = 0; c < 5; ++c) {
            QVERIFY(actual.channelRanges[c] == channels[c]);
        }
        double sampleMinima = 0;
        for (std::size_t sample = 0; sample < 6; ++sample) {
            const auto begin = x.values().begin() + static_cast<std::ptrdiff_t>(sample * 5 * 37 * 41);
            sampleMinima += static_cast<double>(*std::min_element(begin, begin + 5 * 37 * 41));
        }
        QCOMPARE(actual.sumOfSampleMinima, sampleMinima);
        QCOMPARE(actual.batchRanges.size(), std::size_t{1});
        QCOMPARE(actual.minimum, actual.batchRanges[0].lower);
        core::Histogram expected;
        expected.add(x.values());
        compareHistograms(actual.histogram, expected);
    }

    void detailOfChannelsChangesNothingElse() {
        for (const core::Shape& shape : {core::Shape{6, 5, 37, 41}, core::Shape{300, 10}}) {
            const at::Tensor value = engine::toChannelsLast(engine::wrap(randomTensor(shape, 8)));
            const core::SiteStatistics all = engine::collectStatistics(value, "site", kAll);
            const core::SiteStatistics few =
                engine::collectStatistics(value, "site", core::ChannelDetail::Extrema);
            QCOMPARE(all.channels.size(), static_cast<std::size_t>(shape[1]));
            QVERIFY(few.channels.empty());
            QCOMPARE(few.sum, all.sum);  // bit for bit
            QCOMPARE(few.sumOfSquares, all.sumOfSquares);
            QCOMPARE(few.sumOfMagnitudes, all.sumOfMagnitudes);
            QCOMPARE(few.sumOfSampleMagnitudes, all.sumOfSampleMagnitudes);
            QVERIFY(few.channelRanges == all.channelRanges);
            compareHistograms(few.histogram, all.histogram);
            std::uint64_t counted = 0;
            for (const core::ChannelStatistics& channel : all.channels) {
                counted += channel.histogram.total();
            }
            QCOMPARE(counted, all.count);
        }
    }

    void rectifiedValuesAreTheirMagnitudes() {
        // The first negative value comes late: magnitudes part from the sum there.
        std::vector<float> values(5000, 0.5F);
        values[4321] = -2.0F;
        const core::SiteStatistics site =
            engine::collectStatistics(engine::wrap({{1, 1, 5000, 1}, values}), "site", kAll);
        QCOMPARE(site.sum, 4999 * 0.5 - 2.0);
        QCOMPARE(site.sumOfMagnitudes, 4999 * 0.5 + 2.0);
        QCOMPARE(site.minimum, -2.0);
    }

    void threadsChangeNothing() {
        const at::Tensor value = engine::toChannelsLast(engine::wrap(randomTensor({16, 24, 40, 40}, 4)));
        engine::setComputeThreads(1);
        const core::SiteStatistics one = engine::collectStatistics(value, "site", kAll);
        engine::setComputeThreads(2);
        const core::SiteStatistics two = engine::collectStatistics(value, "site", kAll);
        engine::setComputeThreads(1);
        QCOMPARE(one.sum, two.sum);  // bit for bit
        QCOMPARE(one.sumOfSquares, two.sumOfSquares);
        QCOMPARE(one.sumOfMagnitudes, two.sumOfMagnitudes);
        QVERIFY(one.channelRanges == two.channelRanges);
        compareHistograms(one.histogram, two.histogram);
    }

    void nonFiniteValuesAreNamed_data() {
        QTest::addColumn<float>("value");
        QTest::newRow("nan") << std::numeric_limits<float>::quiet_NaN();
        QTest::newRow("inf") << std::numeric_limits<float>::infinity();
        QTest::newRow("-inf") << -std::numeric_limits<float>::infinity();
    }
    void nonFiniteValuesAreNamed() {
        QFETCH(float, value);
        std::vector<float> values(100000, 1.0F);
        values[77777] = value;
        try {
            engine::collectStatistics(engine::wrap({{10, 10, 1000, 1}, values}), "blocks.3.add", kAll);
            QFAIL("a value that is not finite went in");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::NonFiniteInput);
            QVERIFY(QString(error.what()).contains("blocks.3.add"));
        }
    }

    void calibrationCoversEverySite() {
        const core::PreparedModel model = tinyModel();
        core::BatchSource::Options options;
        options.batchSize = 4;
        const core::BatchSource data = tests::barBatches(10, options);
        const core::Statistics statistics = engine::calibrateModel(model, data, kAll, {});
        QCOMPARE(statistics.modelHash, model.hash);
        QCOMPARE(statistics.dataHash, data.hash());
        const core::SiteStatistics* const input =
            statistics.find({core::kInputLayer, core::SiteKind::Output});
        QVERIFY(input != nullptr);
        QCOMPARE(input->count, std::uint64_t{10 * 144});
        QCOMPARE(input->batchRanges.size(), std::size_t{3});
        const core::SiteStatistics* const conv =
            statistics.find({core::LayerId("conv"), core::SiteKind::Output});
        QVERIFY(conv != nullptr);
        QCOMPARE(conv->minimum, 0.0);  // behind the activation
        QCOMPARE(conv->channelRanges.size(), std::size_t{4});
        const core::SiteStatistics* const weights =
            statistics.find({core::LayerId("head"), core::SiteKind::Weight});
        QVERIFY(weights != nullptr);
        QCOMPARE(weights->count, std::uint64_t{300});
        QVERIFY(statistics.find({core::LayerId("head"), core::SiteKind::Output}) != nullptr);
    }

    void batchSizeChangesNeitherCountsNorExtrema() {
        const core::PreparedModel model = tinyModel();
        core::BatchSource::Options whole;
        whole.batchSize = 12;
        core::BatchSource::Options single;
        single.batchSize = 5;
        const auto a = engine::calibrateModel(model, tests::barBatches(12, whole), kAll, {});
        const auto b = engine::calibrateModel(model, tests::barBatches(12, single), kAll, {});
        const core::SiteId input{core::kInputLayer, core::SiteKind::Output};
        compareHistograms(a.find(input)->histogram, b.find(input)->histogram);
        QCOMPARE(a.find(input)->minimum, b.find(input)->minimum);
    }

    void wrongImagesAreRefused() {
        core::BatchSource::Options options;
        QVERIFY_EXCEPTION_THROWN(
            engine::calibrateModel(tinyModel(), tests::barBatches(4, options, {1, 10, 12}), kAll, {}),
            core::Error);
    }
};

QTEST_GUILESS_MAIN(TestStatisticsCollector)
#include "test_statistics_collector.moc"
