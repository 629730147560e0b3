#include "experiments/store/statistics_codec.h"

#include <QtTest>

#include <cmath>
#include <limits>
#include <random>

using namespace bitlathe;
using namespace bitlathe::experiments;

namespace {

bool isSame(const core::SiteStatistics& a, const core::SiteStatistics& b) {
    return a.count == b.count && a.samples == b.samples && a.minimum == b.minimum && a.maximum == b.maximum &&
           a.sum == b.sum && a.sumOfSquares == b.sumOfSquares && a.sumOfMagnitudes == b.sumOfMagnitudes &&
           a.batchRanges == b.batchRanges && a.channelRanges == b.channelRanges &&
           a.histogram.exponent() == b.histogram.exponent() &&
           a.histogram.firstBin() == b.histogram.firstBin() && a.histogram.counts() == b.histogram.counts() &&
           a.histogram.zeros() == b.histogram.zeros() && a.histogram.total() == b.histogram.total();
}

core::SiteStatistics rectified(unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(20000);
    for (float& value : values) {
        value = std::max(0.0F, normal(generator));
    }
    core::SiteStatistics statistics;
    statistics.count = values.size();
    statistics.samples = 512;
    statistics.minimum = 0;
    statistics.maximum = 4.25;
    statistics.sum = 1.0 / 3.0;
    statistics.sumOfSquares = 1e300;
    statistics.sumOfMagnitudes = 5e-324;  // the smallest double
    statistics.batchRanges = {{0, 3.5}, {0, 4.25}};
    statistics.channelRanges = {{0, 0}, {-0.0, 4.25}, {1e-30, 1e30}};
    statistics.histogram.add(values);
    return statistics;
}

}  // namespace

class TestStatisticsCodec : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void isExact_data() {
        QTest::addColumn<int>("which");
        QTest::newRow("empty") << 0;
        QTest::newRow("rectified") << 1;
        QTest::newRow("far bins") << 2;
        QTest::newRow("large counts") << 3;
    }
    void isExact() {
        QFETCH(int, which);
        core::SiteStatistics statistics;
        if (which == 1) {
            statistics = rectified(7);
        } else if (which == 2) {
            statistics.histogram = core::Histogram(-149, -(std::int64_t{1} << 40), {1, 0, 0, 0, 2}, 0);
        } else if (which == 3) {
            statistics.count = std::numeric_limits<std::uint64_t>::max();
            statistics.histogram = core::Histogram(3, 5, {std::uint64_t{1} << 63, 0, 1}, 127);
        }
        const auto back = decodeStatistics(encodeStatistics(statistics));
        QVERIFY(back.has_value());
        QVERIFY(isSame(*back, statistics));
    }

    void isCompact() {
        // 2048 counters of 8 bytes are 16 KiB as they lie in memory.
        QVERIFY(encodeStatistics(rectified(7)).size() < 5000);
    }

    void everyCutIsNoticed() {
        const std::vector<std::byte> bytes = encodeStatistics(rectified(3));
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            QVERIFY2(!decodeStatistics(std::span(bytes).first(length)), qPrintable(QString::number(length)));
        }
        std::vector<std::byte> longer = bytes;
        longer.push_back(std::byte{0});
        QVERIFY(!decodeStatistics(longer));
    }

    void anotherEncodingIsNotRead() {
        std::vector<std::byte> bytes = encodeStatistics(rectified(3));
        bytes[0] = std::byte{kStatisticsEncoding + 1};
        QVERIFY(!decodeStatistics(bytes));
    }

    void damageNeverHurts() {
        const unsigned seed = std::random_device{}();
        std::mt19937 generator(seed);
        const std::vector<std::byte> whole = encodeStatistics(rectified(3));
        for (int round = 0; round < 3000; ++round) {
            std::vector<std::byte> bytes = whole;
            for (int hits = 0; hits < 3; ++hits) {
                bytes[generator() % std::min<std::size_t>(bytes.size(), 150)] =
                    static_cast<std::byte>(generator());
            }
            const auto decoded = decodeStatistics(bytes);  // must come back, with or without an answer
            QVERIFY2(!decoded || decoded->histogram.counts().size() <= core::Histogram::kMaxBins,
                     qPrintable(QString("seed %1").arg(seed)));
        }
    }
};

QTEST_GUILESS_MAIN(TestStatisticsCodec)
#include "test_statistics_codec.moc"
