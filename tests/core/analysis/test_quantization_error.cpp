#include "core/analysis/confidence.h"
#include "core/analysis/quantization_error.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/types/collect_statistics.h"

#include <QtTest>

#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

/// Squared error of one value by the definition.
double squaredError(double x, const QParams& q) {
    const double code = std::clamp(roundTo(x / q.scale[0], q.rounding) + q.zeroPoint[0],
                                   static_cast<double>(q.quantMin), static_cast<double>(q.quantMax));
    const double back = (code - q.zeroPoint[0]) * q.scale[0];
    return (x - back) * (x - back);
}

QParams grid(int bits, double lower, double upper, Rounding rounding = Rounding::HalfEven) {
    QParams q = AffineQuantizer().Quantizer::qparams(Range{lower, upper}, BitWidth(bits));
    q.rounding = rounding;
    return q;
}

}  // namespace

class TestQuantizationError : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        // Codes 0..3 at steps of 1: 0.25 -> 0, 1.5 -> 2, 5 -> 3.
        QParams q;
        q.scale = {1.0F};
        q.zeroPoint = {0};
        q.quantMax = 3;
        const std::vector<float> values{0.25F, 1.5F, 5.0F, 0.0F};
        const QuantizationError error = quantizationError(values, q);
        QCOMPARE(error.meanSquaredError, (0.0625 + 0.25 + 4.0) / 4);
        QCOMPARE(error.signalPower, (0.0625 + 2.25 + 25.0) / 4);
        QCOMPARE(error.clippedShare, 0.25);
        QCOMPARE(error.sqnrDb, 10 * std::log10(27.3125 / 4.3125));
    }

    void closedFormMatchesFineSampling_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<int>("rounding");
        for (const int bits : {1, 2, 4, 8, 12, 16}) {
            for (int rounding = 0; rounding < 4; ++rounding) {
                QTest::addRow("%d bits, rounding %d", bits, rounding) << bits << rounding;
            }
        }
    }
    void closedFormMatchesFineSampling() {
        QFETCH(int, bits);
        QFETCH(int, rounding);
        // Few wide bins against coarse and fine steps, codes that clip on both sides.
        const Histogram histogram(
            -3, -20, {5, 0, 7, 11, 3, 1, 9, 2, 4, 6, 0, 1, 8, 3, 2, 9, 10, 20, 3, 4, 7, 1, 1, 30}, 13);
        const QParams q = grid(bits, -1.7, 0.3, static_cast<Rounding>(rounding));
        double error = 13 * squaredError(0, q);
        double power = 0;
        double clipped = 0;
        constexpr int kSamples = 40000;
        for (std::size_t k = 0; k < histogram.counts().size(); ++k) {
            for (int i = 0; i < kSamples; ++i) {
                const double x = histogram.lowerEdge(k) + histogram.binWidth() * (i + 0.5) / kSamples;
                const double weight = static_cast<double>(histogram.counts()[k]) / kSamples;
                error += weight * squaredError(x, q);
                power += weight * x * x;
                clipped += weight * (x < q.representableLower() || x > q.representableUpper() ? 1 : 0);
            }
        }
        const double total = static_cast<double>(histogram.total());
        const QuantizationError result = quantizationError(histogram, q);
        // Midpoint sampling: at 16 bits a step holds 10 samples, the mean of their squares is 1 % off the integral's.
        const double tolerance = bits > 12 ? 0.012 : 1e-4;
        QVERIFY(std::fabs(result.meanSquaredError - error / total) <= tolerance * error / total);
        QVERIFY(std::fabs(result.signalPower - power / total) <= 1e-6 * power / total);
        QVERIFY(std::fabs(result.clippedShare - clipped / total) <= 1e-3);
        QCOMPARE(meanSquaredError(histogram, q), result.meanSquaredError);
    }

    void histogramEstimateIsCloseToExact_data() {
        QTest::addColumn<int>("bits");
        for (const int bits : {2, 3, 4, 6, 8}) {
            QTest::addRow("%d bits", bits) << bits;
        }
    }
    void histogramEstimateIsCloseToExact() {
        QFETCH(int, bits);
        std::mt19937 generator(6);
        std::normal_distribution<float> normal;
        std::vector<float> values(200000);
        for (float& x : values) {
            x = std::max(normal(generator), -0.5F);
        }
        const SiteStatistics statistics = collectStatistics(values, 1, 1, 200000);
        const QParams q = grid(bits, -0.5, 3.0);
        const QuantizationError exact = quantizationError(values, q);
        const QuantizationError estimate = quantizationError(statistics.histogram, q);
        // A third of the values sit on one point, -0.5, which the histogram spreads over one bin.
        QVERIFY(std::fabs(exact.sqnrDb - estimate.sqnrDb) < 0.1);
        QVERIFY(std::fabs(exact.clippedShare - estimate.clippedShare) < 2e-3 + (bits == 2 ? 0.0 : 0.35));
    }

    void zerosAndEmptiness() {
        const QParams q = grid(4, -1, 1);
        const QuantizationError none = quantizationError(Histogram(), q);
        QCOMPARE(none.meanSquaredError, 0.0);
        QVERIFY(std::isinf(none.sqnrDb));
        Histogram zeros;
        zeros.add(std::vector<float>(5, 0.0F));
        QCOMPARE(quantizationError(zeros, q).meanSquaredError, 0.0);
        QCOMPARE(quantizationError(std::span<const float>(), q).meanSquaredError, 0.0);
        QCOMPARE(meanSquaredError(Histogram(), q), 0.0);
    }

    void wilsonIntervals() {
        // 9 of 10: Wilson 1927 by hand, center (0.9 + 0.192) / 1.384.
        const Interval interval = wilson95(9, 10);
        QVERIFY(std::fabs(interval.lower - 0.59585) < 1e-5);
        QVERIFY(std::fabs(interval.upper - 0.98212) < 1e-5);
        QCOMPARE(wilson95(0, 0).lower, 0.0);
        QCOMPARE(wilson95(0, 0).upper, 1.0);
        QCOMPARE(wilson95(0, 50).lower, 0.0);
        QCOMPARE(wilson95(50, 50).upper, 1.0);
        QVERIFY(wilson95(9000, 10000).upper - wilson95(9000, 10000).lower < 0.012);
    }
};

QTEST_APPLESS_MAIN(TestQuantizationError)
#include "test_quantization_error.moc"
