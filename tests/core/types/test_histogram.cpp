#include "core/types/collect_statistics.h"
#include "core/types/error.h"
#include "core/types/histogram.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

/// Count of the bin that holds x, by a plain search over the edges.
std::uint64_t countAt(const Histogram& histogram, double x) {
    for (std::size_t k = 0; k < histogram.counts().size(); ++k) {
        if (x >= histogram.lowerEdge(k) && x < histogram.lowerEdge(k) + histogram.binWidth()) {
            return histogram.counts()[k];
        }
    }
    return 0;
}

bool same(const Histogram& a, const Histogram& b) {
    return a.exponent() == b.exponent() && a.firstBin() == b.firstBin() && a.counts() == b.counts() &&
           a.zeros() == b.zeros() && a.total() == b.total();
}

std::vector<float> sample(const QByteArray& kind, std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float> values(count);
    for (float& x : values) {
        x = normal(generator);
        if (kind == "rectified") {
            x = std::max(x, 0.0F);
        } else if (kind == "wide") {
            x = std::copysign(std::exp(20.0F * x), normal(generator));
        } else if (kind == "negative") {
            x = -std::fabs(x) - 1.0F;
        } else if (kind == "tiny") {
            x *= 1e-39F;  // denormal
        } else if (kind == "huge") {
            x *= 1e37F;
        }
    }
    return values;
}

}  // namespace

class TestHistogram : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void emptyHoldsNothing() {
        Histogram histogram;
        QVERIFY(histogram.empty());
        QCOMPARE(histogram.occupiedRange(), Range{});
        histogram.add({});
        QVERIFY(histogram.empty());
    }

    void smallExampleByHand() {
        // Extrema -1 and 3: 2^-9 gives 2048 bins for the width of 4, but the upper end needs one bin more, so w = 2^-8.
        Histogram histogram;
        const std::vector<float> values{-1.0F, 0.0F, -0.0F, 0.5F, 0.501F, 3.0F};
        histogram.add(values);
        QCOMPARE(histogram.exponent(), -8);
        QCOMPARE(histogram.firstBin(), std::int64_t{-256});
        QCOMPARE(histogram.counts().size(), std::size_t{256 + 768 + 1});
        QCOMPARE(histogram.total(), std::uint64_t{6});
        QCOMPARE(histogram.zeros(), std::uint64_t{2});
        QCOMPARE(countAt(histogram, -1.0), std::uint64_t{1});
        QCOMPARE(countAt(histogram, 0.5), std::uint64_t{2});  // 0.501 - 0.5 < 2^-8
        QCOMPARE(countAt(histogram, 3.0), std::uint64_t{1});
        QCOMPARE(histogram.occupiedRange(), (Range{-1.0, 3.0 + 0x1p-8}));
    }

    void onlyZerosHaveNoGrid() {
        Histogram histogram;
        histogram.add(std::vector<float>(10, 0.0F));
        QCOMPARE(histogram.zeros(), std::uint64_t{10});
        QVERIFY(histogram.counts().empty());
        histogram.add(std::vector<float>{1.0F});
        QCOMPARE(histogram.total(), std::uint64_t{11});
        QCOMPARE(countAt(histogram, 1.0), std::uint64_t{1});
    }

    void orderAndGroupingDoNotMatter_data() {
        QTest::addColumn<QByteArray>("kind");
        for (const char* kind : {"normal", "rectified", "wide", "negative", "tiny", "huge"}) {
            QTest::newRow(kind) << QByteArray(kind);
        }
    }
    void orderAndGroupingDoNotMatter() {
        QFETCH(QByteArray, kind);
        constexpr unsigned kSeed = 7;
        std::vector<float> values = sample(kind, 50000, kSeed);
        Histogram reference;
        reference.add(values);
        QCOMPARE(std::accumulate(reference.counts().begin(), reference.counts().end(), reference.zeros()),
                 reference.total());
        std::mt19937 generator(kSeed);
        for (int round = 0; round < 6; ++round) {
            std::shuffle(values.begin(), values.end(), generator);
            Histogram pieces;
            Histogram merged;
            std::size_t begin = 0;
            while (begin < values.size()) {
                const std::size_t length =
                    std::min<std::size_t>(1 + generator() % 9000, values.size() - begin);
                const std::span<const float> part(values.data() + begin, length);
                pieces.add(part);
                Histogram own;
                own.add(part);
                merged.merge(own);
                begin += length;
            }
            QVERIFY2(same(pieces, reference), kind.constData());
            QVERIFY2(same(merged, reference), kind.constData());
        }
    }

    void countsMatchASearchOverEdges() {
        const std::vector<float> values = sample("normal", 3000, 11);
        Histogram histogram;
        histogram.add(values);
        std::vector<std::uint64_t> expected(histogram.counts().size(), 0);
        for (const float x : values) {
            const double bin = std::floor(static_cast<double>(x) / histogram.binWidth());
            if (x != 0.0F) {
                ++expected[static_cast<std::size_t>(static_cast<std::int64_t>(bin) - histogram.firstBin())];
            }
        }
        QCOMPARE(histogram.counts(), expected);
    }

    void resolutionStaysBetweenHalfAndAllBins() {
        for (const char* kind : {"normal", "rectified", "wide", "negative"}) {
            Histogram histogram;
            for (const float x : sample(kind, 2000, 3)) {
                histogram.add(std::span<const float>(&x, 1));
            }
            QVERIFY(histogram.counts().size() <= std::size_t{Histogram::kMaxBins});
            QVERIFY2(histogram.counts().size() >= std::size_t{Histogram::kMaxBins / 2}, kind);
        }
    }

    void oneValueAndItsNeighbours() {
        for (const float x :
             {1.0F, -1.0F, 0.1F, 1e-30F, 1e30F, std::numeric_limits<float>::max(),
              std::numeric_limits<float>::lowest(), std::numeric_limits<float>::min(),
              std::numeric_limits<float>::denorm_min(), -std::numeric_limits<float>::denorm_min()}) {
            Histogram histogram;
            histogram.add(std::vector<float>(100, x));
            QCOMPARE(histogram.total(), std::uint64_t{100});
            const auto filled = std::count_if(histogram.counts().begin(), histogram.counts().end(),
                                              [](std::uint64_t count) { return count != 0; });
            QCOMPARE(filled, 1);
            QVERIFY(histogram.occupiedRange().lower <= static_cast<double>(x));
            QVERIFY(histogram.occupiedRange().upper >= static_cast<double>(x));
        }
    }

    void nonFiniteValuesAreRefused() {
        for (const float bad :
             {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
            Histogram histogram;
            const std::vector<float> values{1.0F, bad};
            QVERIFY_EXCEPTION_THROWN(histogram.add(values), Error);
            QVERIFY(histogram.empty());
        }
        // NaN between finite extrema: decided as "counted somewhere", and it must not write outside the counters.
        Histogram histogram;
        const std::vector<float> values{1.0F, std::numeric_limits<float>::quiet_NaN(), 2.0F};
        histogram.add(values, 1.0F, 2.0F);
        QCOMPARE(histogram.total(), std::uint64_t{3});
    }

    void wrongExtremaStayInBounds() {
        Histogram histogram;
        const std::vector<float> values{-100.0F, 100.0F};
        histogram.add(values, -1.0F, 1.0F);
        QCOMPARE(histogram.counts().front(), std::uint64_t{1});
        QCOMPARE(histogram.counts().back(), std::uint64_t{1});
    }

    void storedPartsComeBack() {
        Histogram histogram;
        histogram.add(sample("rectified", 5000, 5));
        const Histogram stored(histogram.exponent(), histogram.firstBin(), histogram.counts(),
                               histogram.zeros());
        QVERIFY(same(stored, histogram));
        Histogram twice = stored;
        twice.merge(histogram);
        QCOMPARE(twice.total(), 2 * histogram.total());
    }

    void manyValuesInOneBinAreCounted() {
        // More than a 32-bit table's chunk (2^20), all in one bin.
        Histogram histogram;
        const std::vector<float> values((std::size_t{1} << 21) + 12345, 0.75F);
        histogram.add(values, 0.75F, 0.75F);
        QCOMPARE(countAt(histogram, 0.75), static_cast<std::uint64_t>(values.size()));
    }

    void statisticsOfATensor() {
        // 2 samples x 2 channels x 2 values
        const std::vector<float> values{1, 2, -3, 4, 0, 1, 5, -6};
        const SiteStatistics statistics = collectStatistics(values, 2, 2, 2);
        QCOMPARE(statistics.count, std::uint64_t{8});
        QCOMPARE(statistics.minimum, -6.0);
        QCOMPARE(statistics.maximum, 5.0);
        QCOMPARE(statistics.sum, 4.0);
        QCOMPARE(statistics.sumOfSquares, 92.0);
        QCOMPARE(statistics.sumOfMagnitudes, 22.0);
        QCOMPARE(statistics.channelRanges.size(), std::size_t{2});
        QCOMPARE(statistics.channelRanges[0], (Range{0, 2}));
        QCOMPARE(statistics.channelRanges[1], (Range{-6, 5}));
        QCOMPARE(statistics.batchRanges, (std::vector<Range>{{-6, 5}}));
        QCOMPARE(statistics.histogram.total(), std::uint64_t{8});
        QCOMPARE(statistics.mean(), 0.5);
        QCOMPARE(statistics.variance(), 92.0 / 8 - 0.25);
    }

    void statisticsRefuseWhatTheyCannotCount() {
        const std::vector<float> bad{1, 2, 3, std::numeric_limits<float>::quiet_NaN()};
        try {
            collectStatistics(bad, 1, 2, 2);
            QFAIL("NaN was taken");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::NonFiniteInput);
            QVERIFY(QString(error.what()).contains("channel 1"));
        }
        QVERIFY_EXCEPTION_THROWN(collectStatistics(bad, 1, 3, 2), Error);
        QVERIFY(collectStatistics({}, 0, 4, 4).empty());
    }

    void momentsOfAnyLength_data() {
        QTest::addColumn<int>("length");
        for (const int length : {1, 2, 15, 16, 17, 31, 33, 1000}) {
            QTest::addRow("%d", length) << length;
        }
    }
    void momentsOfAnyLength() {
        QFETCH(int, length);
        const std::vector<float> values = sample("normal", static_cast<std::size_t>(length), 2);
        const Moments result = moments(values);
        double sum = 0;
        double squares = 0;
        double magnitudes = 0;
        for (const float x : values) {
            sum += x;
            squares += static_cast<double>(x) * x;
            magnitudes += std::fabs(x);
        }
        QCOMPARE(result.count, static_cast<std::uint64_t>(length));
        QCOMPARE(result.minimum, *std::min_element(values.begin(), values.end()));
        QCOMPARE(result.maximum, *std::max_element(values.begin(), values.end()));
        // Another order of the same additions: a few units of 2^-53 per value.
        QVERIFY(std::fabs(result.sum - sum) <= 1e-15 * length * 4);
        QVERIFY(std::fabs(result.sumOfSquares - squares) <= 1e-15 * length * 4);
        QVERIFY(std::fabs(result.sumOfMagnitudes - magnitudes) <= 1e-15 * length * 4);
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            for (std::size_t at = 0; at < values.size(); at += std::max<std::size_t>(1, values.size() / 7)) {
                std::vector<float> poisoned = values;
                poisoned[at] = bad;
                QVERIFY(!moments(poisoned).isFinite);
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestHistogram)
#include "test_histogram.moc"
