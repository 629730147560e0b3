#include "core/analysis/coding_cost.h"

#include <QtTest>

#include <cmath>
#include <vector>

using namespace bitlathe::core;

namespace {

QParams uniform(std::vector<float> scales, std::int32_t quantMin, std::int32_t quantMax) {
    QParams q;
    q.zeroPoint.assign(scales.size(), 0);
    if (scales.size() > 1) {
        q.axis = 0;
    }
    q.scale = std::move(scales);
    q.quantMin = quantMin;
    q.quantMax = quantMax;
    return q;
}

}  // namespace

class TestCodingCost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        // Codes 0 0 0 0 1 1 2 3: entropy 1.75 bits, and a Huffman code of lengths 1, 2, 3, 3 reaches it.
        const FloatTensor values({8}, {0, 0, 0, 0, 1, 1, 2, 3});
        const CodingCost cost = codingCost(weightEntropy(values, uniform({1.0F}, 0, 3)), values.size());
        QCOMPARE(cost.values, std::int64_t{8});
        QCOMPARE(cost.levels, std::int64_t{4});
        QCOMPARE(cost.entropyBits, 1.75);
        QCOMPARE(cost.huffmanBits, 1.75);
        QCOMPARE(cost.plainBytes, std::int64_t{2});
        QCOMPARE(cost.codedBytes, std::int64_t{2 + 4});
    }

    void slicesArePooled() {
        // The second slice's scale is ten times the first's; the codes are the same: 1, -1, 1, -1.
        const FloatTensor values({2, 2}, {1, -1, 10, -10});
        const CodingCost cost =
            codingCost(weightEntropy(values, uniform({1.0F, 10.0F}, -1, 1)), values.size());
        QCOMPARE(cost.entropyBits, 1.0);
        QCOMPARE(cost.huffmanBits, 1.0);
        QCOMPARE(cost.plainBytes, std::int64_t{1});
    }

    void aHistogramStandsForOneSample() {
        // Half of what was seen is zero, a quarter each in [1, 1.5) and [2, 2.5): codes 0, 1, 2.
        SiteStatistics statistics;
        statistics.histogram = Histogram(-1, 2, {250, 0, 250}, 500);
        const CodingCost cost = codingCost(activationEntropy(statistics, uniform({1.0F}, 0, 3)), 64);
        QCOMPARE(cost.values, std::int64_t{64});
        QCOMPARE(cost.entropyBits, 1.5);
        QCOMPARE(cost.huffmanBits, 1.5);
        QCOMPARE(cost.plainBytes, std::int64_t{16});
        QCOMPARE(cost.codedBytes, std::int64_t{12 + 4});
    }

    void aConstantNeedsNoBits() {
        const CodingCost cost =
            codingCost(weightEntropy(FloatTensor({4}, {1, 1, 1, 1}), uniform({1.0F}, 0, 255)), 4);
        QCOMPARE(cost.entropyBits, 0.0);
        QCOMPARE(cost.huffmanBits, 0.0);
        QCOMPARE(cost.plainBytes, std::int64_t{4});
    }
};

QTEST_GUILESS_MAIN(TestCodingCost)
#include "test_coding_cost.moc"
