#include "core/analysis/level_profile.h"
#include "core/analysis/quantization_error.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/level_table.h"

#include <QtTest>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

Histogram normalValues(unsigned seed, int count, float shift) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(shift, 1.0F);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
        value = std::max(-1.5F, normal(generator));
    }
    std::fill_n(values.begin(), values.size() / 4, 0.0F);
    Histogram histogram;
    histogram.add(values);
    return histogram;
}

QParams uniform(float scale, std::int32_t zeroPoint, std::int32_t quantMin, std::int32_t quantMax) {
    QParams q;
    q.scale = {scale};
    q.zeroPoint = {zeroPoint};
    q.quantMin = quantMin;
    q.quantMax = quantMax;
    return q;
}

}  // namespace

class TestLevelProfile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        // One bin [2, 4) with 8 values and two zeros on the levels 0, 1, 2, 3: a quarter of the bin (2 to 2.5)
        // rounds to 2, the rest to 3; beyond 3 it is clipping.
        Histogram histogram(1, 1, {8}, 2);
        const LevelProfile profile = levelProfile(histogram, uniform(1.0F, 0, 0, 3));
        QCOMPARE(profile.levels.size(), std::size_t{4});
        QCOMPARE(profile.levels[0].count, 2.0);
        QCOMPARE(profile.levels[1].count, 0.0);
        QCOMPARE(profile.levels[2].count, 2.0);
        QCOMPARE(profile.levels[3].count, 6.0);
        // Density 4 a unit, mean over 10 values: two half steps of 0.5³/3, and 1³/3 beyond the last level.
        QVERIFY(std::abs(profile.roundingError - 4 * 2 * 0.125 / 3 / 10) < 1e-12);
        QVERIFY(std::abs(profile.clippingError - 4 * 1.0 / 3 / 10) < 1e-12);
    }

    void aGridThatIsNotUniformByHand() {
        // Levels -1, 0, 4 with thresholds -0.5 and 2; bins [-2, 0) with 4 values, [0, 2) none, [2, 4) with 2;
        // 10 zeros, which lie between the thresholds.
        QParams q = tableGrid({{{-1.0F, 0.0F, 4.0F}, {-0.5F, 2.0F}}}, std::nullopt);
        const LevelProfile profile = levelProfile(Histogram(1, -1, {4, 0, 2}, 10), q);
        QCOMPARE(profile.levels[0].count, 3.0);
        QCOMPARE(profile.levels[1].count, 11.0);
        QCOMPARE(profile.levels[2].count, 2.0);
        QCOMPARE(profile.levels[2].level, 4.0);
        // Below -1 it is clipping: density 2, 1³/3. Rounding: (0.5³ + 0.5³) / 3 at density 2, 2³/3 at density 1.
        QVERIFY(std::abs(profile.clippingError - 2.0 / 3 / 16) < 1e-12);
        QVERIFY(std::abs(profile.roundingError - (2 * 0.25 / 3 + 8.0 / 3) / 16) < 1e-12);
    }

    void partsAddUpToTheError_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<double>("upper");
        QTest::addColumn<int>("rounding");
        for (const int bits : {1, 2, 4, 8}) {
            for (const double upper : {0.3, 1.7, 6.0}) {
                for (const Rounding rounding : {Rounding::HalfEven, Rounding::Floor}) {
                    QTest::addRow("%d bit to %.1f, rounding %d", bits, upper, static_cast<int>(rounding))
                        << bits << upper << static_cast<int>(rounding);
                }
            }
        }
    }
    void partsAddUpToTheError() {
        QFETCH(int, bits);
        QFETCH(double, upper);
        QFETCH(int, rounding);
        const Histogram histogram = normalValues(static_cast<unsigned>(bits), 5000, 0.4F);
        QParams q = AffineQuantizer().Quantizer::qparams(Range{-1.0, upper}, BitWidth(bits));
        q.rounding = static_cast<Rounding>(rounding);
        const LevelProfile profile = levelProfile(histogram, q);
        const double expected = meanSquaredError(histogram, q);
        // Both integrate the same cubic; they differ in the order of sums over 2048 bins.
        QVERIFY2(std::abs(profile.roundingError + profile.clippingError - expected) <=
                     1e-9 * expected + 1e-15,
                 qPrintable(QString::number(expected, 'g', 12)));
        const double counted = std::accumulate(profile.levels.begin(), profile.levels.end(), 0.0,
                                               [](double sum, const LevelShare& s) { return sum + s.count; });
        QVERIFY(std::abs(counted - static_cast<double>(histogram.total())) < 1e-6);
        QCOMPARE(profile.levels.size(), std::size_t{1} << bits);
    }

    void aRangeThatHoldsEverythingClipsNothing() {
        const Histogram histogram = normalValues(3, 2000, 0.0F);
        const Range occupied = histogram.occupiedRange();
        const LevelProfile profile = levelProfile(
            histogram,
            AffineQuantizer().Quantizer::qparams(Range{2 * occupied.lower, 2 * occupied.upper}, BitWidth(4)));
        QCOMPARE(profile.clippingError, 0.0);
        QVERIFY(profile.roundingError > 0);
    }

    void nothingIsNoError() {
        const LevelProfile profile = levelProfile(Histogram(), uniform(1.0F, 0, -2, 1));
        QCOMPARE(profile.levels.size(), std::size_t{4});
        QCOMPARE(profile.levels.front().level, -2.0);
        QCOMPARE(profile.roundingError, 0.0);
        QCOMPARE(profile.clippingError, 0.0);
    }
};

QTEST_GUILESS_MAIN(TestLevelProfile)
#include "test_level_profile.moc"
