#include "core/analysis/describe.h"
#include "core/analysis/entropy_coding.h"

#include <QtTest>

#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;

class TestEntropyCoding : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        const std::vector<std::uint64_t> counts{4, 2, 1, 1};  // 1/2, 1/4, 1/8, 1/8
        QCOMPARE(shannonEntropyBits(counts), 1.75);
        QCOMPARE(huffmanAverageBits(counts), 1.75);
        QCOMPARE(huffmanAverageBits(std::vector<std::uint64_t>{3, 1}), 1.0);
        QCOMPARE(codeCounts(std::vector<std::int32_t>{5, -1, 5, 0}), (std::vector<std::uint64_t>{1, 1, 2}));
    }

    void degenerate() {
        QCOMPARE(shannonEntropyBits({}), 0.0);
        QCOMPARE(huffmanAverageBits({}), 0.0);
        QCOMPARE(huffmanAverageBits(std::vector<std::uint64_t>{0, 9, 0}), 0.0);
        QCOMPARE(shannonEntropyBits(std::vector<std::uint64_t>{0, 9, 0}), 0.0);
    }

    void huffmanLiesWithinOneBitOfTheEntropy() {
        std::mt19937 generator(1);
        for (int round = 0; round < 200; ++round) {
            std::vector<std::uint64_t> counts(2 + generator() % 300);
            for (std::uint64_t& count : counts) {
                count = 1 + generator() % (1U << (generator() % 20));
            }
            const double entropy = shannonEntropyBits(counts);
            const double huffman = huffmanAverageBits(counts);
            QVERIFY(huffman >= entropy - 1e-9 && huffman < entropy + 1);
            QVERIFY(huffman <= std::ceil(std::log2(static_cast<double>(counts.size()))) + 1e-9);
        }
    }

    void description() {
        const Description d = describe(std::vector<float>{-1, 1, 2, 6});
        QCOMPARE(d.mean, 2.0);
        QCOMPARE(d.minimum, -1.0);
        QCOMPARE(d.maximum, 6.0);
        QCOMPARE(d.meanDeviation, 2.0);
        QCOMPARE(d.meanMagnitude, 2.5);
        QVERIFY(std::fabs(d.deviation - std::sqrt(26.0 / 3)) < 1e-12);
        QCOMPARE(describe({}).count, std::uint64_t{0});
        QCOMPARE(describe(std::vector<float>{4}).deviation, 0.0);
        QCOMPARE(describe(std::vector<float>{4, 4}).kurtosis, 0.0);
    }
};

QTEST_APPLESS_MAIN(TestEntropyCoding)
#include "test_entropy_coding.moc"
