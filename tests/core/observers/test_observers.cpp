#include "core/analysis/quantization_error.h"
#include "core/observers/min_max_observer.h"
#include "core/observers/moving_average_observer.h"
#include "core/observers/mse_observer.h"
#include "core/observers/percentile_observer.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/types/collect_statistics.h"

#include <QtTest>

#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

const AffineQuantizer kAffine;

SiteStatistics of(const std::vector<float>& values) {
    return collectStatistics(values, 1, 1, static_cast<std::int64_t>(values.size()));
}

std::vector<float> laplace(std::size_t count, unsigned seed, bool rectified) {
    std::mt19937 generator(seed);
    std::exponential_distribution<float> exponential(1.0F);
    std::bernoulli_distribution coin;
    std::vector<float> values(count);
    for (float& x : values) {
        x = coin(generator) ? exponential(generator) : -exponential(generator);
        x = rectified ? std::max(0.0F, x) : x;
    }
    return values;
}

}  // namespace

class TestObservers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void minMaxIsTheExtrema() {
        QCOMPARE(MinMaxObserver().range(of({3, -1, 2}), kAffine, BitWidth(8)), (Range{-1, 3}));
        QCOMPARE(MinMaxObserver().range(of({2, 3}), kAffine, BitWidth(8)), (Range{2, 3}));
    }

    void movingAverageByHand() {
        SiteStatistics statistics;
        statistics.merge(of({-1, 1}));
        statistics.merge(of({-3, 5}));
        statistics.merge(of({0, 2}));
        // lower: -1, -2, -1; upper: 1, 3, 2.5 with c = 0.5
        QCOMPARE(MovingAverageObserver(0.5).range(statistics, kAffine, BitWidth(8)), (Range{-1, 2.5}));
        QCOMPARE(MovingAverageObserver(1.0).range(statistics, kAffine, BitWidth(8)), (Range{0, 2}));
        statistics.batchRanges.clear();
        QCOMPARE(MovingAverageObserver(0.5).range(statistics, kAffine, BitWidth(8)), (Range{-3, 5}));
    }

    void quantilesAgainstSorting_data() {
        QTest::addColumn<bool>("rectified");
        QTest::newRow("two-sided") << false;
        QTest::newRow("half zeros") << true;
    }
    void quantilesAgainstSorting() {
        QFETCH(bool, rectified);
        std::vector<float> values = laplace(100000, 21, rectified);
        const SiteStatistics statistics = of(values);
        std::sort(values.begin(), values.end());
        for (const double share : {0.0001, 0.01, 0.25, 0.5, 0.75, 0.99, 0.9999}) {
            const double expected =
                values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
            // A histogram knows a value to its bin; neighbouring order statistics in the tails are farther apart than
            // that.
            const double tolerance =
                statistics.histogram.binWidth() + (share < 0.001 || share > 0.999 ? 0.2 : 0.0);
            QVERIFY2(std::fabs(quantile(statistics.histogram, share) - expected) <= tolerance,
                     qPrintable(QString("%1: %2 against %3")
                                    .arg(share)
                                    .arg(quantile(statistics.histogram, share))
                                    .arg(expected)));
        }
    }

    void percentileCutsBothEnds() {
        std::vector<float> values;
        for (int i = 0; i <= 1000; ++i) {
            values.push_back(static_cast<float>(i - 500));
        }
        const SiteStatistics statistics = of(values);
        const Range range = PercentileObserver(99).range(statistics, kAffine, BitWidth(8));
        QVERIFY(std::fabs(range.lower + 490) <= 1.0);  // one value per unit: within one value
        QVERIFY(std::fabs(range.upper - 490) <= 1.0);
        QCOMPARE(PercentileObserver(100).range(statistics, kAffine, BitWidth(8)), (Range{-500, 500}));
        const Range rectified =
            PercentileObserver(99).range(of(laplace(1000, 3, true)), kAffine, BitWidth(8));
        QCOMPARE(rectified.lower, 0.0);
    }

    void percentileOfDegenerateTensors() {
        const PercentileObserver observer(99.9);
        QCOMPARE(observer.range(of({0, 0, 0}), kAffine, BitWidth(8)), (Range{0, 0}));
        QCOMPARE(observer.range(of({0.3F, 0.3F}), kAffine, BitWidth(8)), (Range{0.3F, 0.3F}));
        QCOMPARE(observer.range(of({-0.3F}), kAffine, BitWidth(8)), (Range{-0.3F, -0.3F}));
        // Zeros above every bin: 99 % of the values are zero, the rest negative.
        std::vector<float> values(1000, 0.0F);
        values[0] = -1.0F;
        QCOMPARE(observer.range(of(values), kAffine, BitWidth(8)).upper, 0.0);
    }

    void mseBeatsEveryClipOnAGrid_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<bool>("rectified");
        QTest::addColumn<bool>("symmetric");
        for (const int bits : {2, 3, 4, 8}) {
            for (const bool rectified : {false, true}) {
                for (const bool symmetric : {false, true}) {
                    QTest::addRow("%d bits%s%s", bits, rectified ? " rectified" : "",
                                  symmetric ? " symmetric" : "")
                        << bits << rectified << symmetric;
                }
            }
        }
    }
    void mseBeatsEveryClipOnAGrid() {
        QFETCH(int, bits);
        QFETCH(bool, rectified);
        QFETCH(bool, symmetric);
        const SymmetricQuantizer symmetricQuantizer;
        const Quantizer& quantizer = symmetric ? static_cast<const Quantizer&>(symmetricQuantizer) : kAffine;
        const SiteStatistics statistics = of(laplace(200000, 9, rectified));
        const auto error = [&](const Range& range) {
            return meanSquaredError(statistics.histogram, quantizer.qparams(range, BitWidth(bits)));
        };
        const Range found = MseObserver().range(statistics, quantizer, BitWidth(bits));
        QVERIFY(found.lower <= found.upper);
        const double best = error(found);
        QVERIFY(best <= error({statistics.minimum, statistics.maximum}));
        for (int i = 1; i <= 200; ++i) {
            const double t = i / 200.0;
            // The search may stop in a neighbouring dent of a ragged curve: 1 % of the error, 0.04 dB.
            QVERIFY2(best <= 1.01 * error({t * statistics.minimum, t * statistics.maximum}),
                     qPrintable(QString::number(t)));
        }
    }

    void mseFindsTheKnownOptimumOfALaplacian() {
        // Optimal clip of a symmetric 4-bit grid for Laplace(0, 1) is 5.03 with 2^4 intervals (Banner et al. 2019,
        // table 1); the narrow grid has 14 steps, which moves it a little. Sampling noise of 10^6 values: about 1 %.
        const SiteStatistics statistics = of(laplace(1000000, 4, false));
        const Range range = MseObserver().range(statistics, SymmetricQuantizer(), BitWidth(4));
        const double clip = std::max(-range.lower, range.upper);
        QVERIFY2(clip > 4.5 && clip < 5.1, qPrintable(QString::number(clip)));
    }

    void mseOfDegenerateTensors() {
        const MseObserver observer;
        QCOMPARE(observer.range(of({0, 0}), kAffine, BitWidth(4)), (Range{0, 0}));
        QCOMPARE(observer.range(of({2, 2}), kAffine, BitWidth(4)), (Range{2, 2}));
        SiteStatistics extremaOnly;
        extremaOnly.count = 1;
        extremaOnly.minimum = -1;
        extremaOnly.maximum = 2;
        QCOMPARE(observer.range(extremaOnly, kAffine, BitWidth(4)), (Range{-1, 2}));
    }
};

QTEST_APPLESS_MAIN(TestObservers)
#include "test_observers.moc"
