#include "core/ptq/equalization_scales.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <random>

using namespace bitlathe::core;

namespace {

/// Channels with shares of which the largest is 1, as measured ones have.
std::vector<EqualizedChannel> randomChannels(unsigned seed, std::size_t count) {
    std::mt19937 generator(seed);
    std::lognormal_distribution<double> spread(0, 1.5);
    std::vector<EqualizedChannel> channels(count);
    EqualizedChannel largest;
    for (EqualizedChannel& channel : channels) {
        channel = {spread(generator), spread(generator), spread(generator),
                   spread(generator), spread(generator), spread(generator)};
        largest.firstShare = std::max(largest.firstShare, channel.firstShare);
        largest.valueShare = std::max(largest.valueShare, channel.valueShare);
        largest.secondShare = std::max(largest.secondShare, channel.secondShare);
    }
    for (EqualizedChannel& channel : channels) {
        channel.firstShare /= largest.firstShare;
        channel.valueShare /= largest.valueShare;
        channel.secondShare /= largest.secondShare;
    }
    return channels;
}

}  // namespace

class TestEqualizationScales : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void noiseByHand() {
        // t1 = max(1/2, 0.5/1), ta = max(1/2, 1/1), t2 = max(0.5 * 2, 1 * 1) = 1.
        const std::vector<EqualizedChannel> channels{{1, 1, 0.5, 8, 1, 4}, {0.5, 1, 1, 4, 2, 16}};
        const double expected = 4 * (0.25 * 8 + 1 * 1) + 4.0 / 4 + 1 * (0.25 * 4 + 1 * 2) + 16;
        QCOMPARE(equalizationNoise(channels, std::vector<double>{2, 1}), expected);
    }

    void aCommonFactorChangesNothing() {
        const auto channels = randomChannels(5, 7);
        const std::vector<double> one(7, 1.0);
        const std::vector<double> four(7, 4.0);
        const double noise = equalizationNoise(channels, one);
        QVERIFY(std::fabs(equalizationNoise(channels, four) - noise) < 1e-12 * noise);
    }

    void neverNoisierThanBefore_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 20; ++seed) {
            QTest::addRow("seed %u", seed) << seed;
        }
    }
    void neverNoisierThanBefore() {
        QFETCH(unsigned, seed);
        const auto channels = randomChannels(seed, 16);
        const std::vector<double> scales = quietestScales(channels);
        const double before = equalizationNoise(channels, std::vector<double>(16, 1.0));
        const double after = equalizationNoise(channels, scales);
        QVERIFY2(after <= before, qPrintable(QString::number(after / before)));
        QVERIFY(after < 0.99 * before);  // random channels are uneven: there is something to gain
    }

    void meetsTheBestOfTwoChannels_data() { neverNoisierThanBefore_data(); }
    void meetsTheBestOfTwoChannels() {
        QFETCH(unsigned, seed);
        const auto channels = randomChannels(seed, 2);
        // A common factor changes nothing, so one quotient is all there is to choose.
        double best = equalizationNoise(channels, std::vector<double>{1, 1});
        for (int i = -800; i <= 800; ++i) {
            best = std::min(best, equalizationNoise(channels, std::vector<double>{std::exp2(i / 100.0), 1}));
        }
        const double found = equalizationNoise(channels, quietestScales(channels));
        // Steps are searched in powers of 2^(1/8), 9 %: the noise about a minimum is flat, but may have two valleys.
        QVERIFY2(found <= 1.1 * best, qPrintable(QString::number(found / best)));
    }

    void valuesAloneStayAsTheyAre() {
        // Nothing but the values between is rounded, and they fill their range alike: no scale helps.
        const std::vector<EqualizedChannel> channels(5, EqualizedChannel{0, 1, 0, 0, 1, 0});
        const double before = equalizationNoise(channels, std::vector<double>(5, 1.0));
        const double after = equalizationNoise(channels, quietestScales(channels));
        QVERIFY(std::fabs(after - before) < 1e-9 * before);
    }

    void nothingRoundedChangesNothing() {
        const std::vector<EqualizedChannel> channels(3);
        QCOMPARE(quietestScales(channels), (std::vector<double>{1, 1, 1}));
        QVERIFY(quietestScales({}).empty());
    }
};

QTEST_APPLESS_MAIN(TestEqualizationScales)
#include "test_equalization_scales.moc"
