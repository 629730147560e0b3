#include "core/analysis/entropy_coding.h"
#include "core/analysis/site_entropy.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/level_table.h"
#include "core/types/collect_statistics.h"

#include <QtTest>

#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

std::vector<float> normal(std::size_t count) {
    std::mt19937 random(3);
    std::normal_distribution<float> distribution(0.0F, 1.0F);
    std::vector<float> values(count);
    for (float& value : values) {
        value = distribution(random);
    }
    return values;
}

}  // namespace

class TestSiteEntropy : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void byHand() {
        // Codes 0, 0, 1, 3 on a grid of four: 1.5 bits either way; 1 byte of codes and 4 of table.
        const QParams grid = tableGrid({midpointTable({0, 1, 2, 3})}, std::nullopt);
        const SiteEntropy entropy = weightEntropy(FloatTensor({2, 2}, {0, 0.2F, 1, 5}), grid);
        QCOMPARE(entropy.symbols, std::uint64_t{4});
        QCOMPARE(entropy.shannonBits, 1.5);
        QCOMPARE(entropy.huffmanBits, 1.5);
        QCOMPARE(entropy.codes, std::int64_t{4});
        QCOMPARE(entropy.compressedBytes(4), 5.0);
    }

    void weightsAreCountedSliceBySlice() {
        const std::vector<float> values = normal(4000);
        const std::vector<Range> ranges{{-3, 3}, {-1, 2}, {0, 1}, {-4, 0.5}};
        const QParams grid = AffineQuantizer().qparams(ranges, BitWidth(4), 0);
        std::vector<std::int32_t> codes(values.size());
        quantizeTensor(values, codes, grid, 1, 4, 1000);
        const std::vector<std::uint64_t> counts = codeCounts(codes);
        const SiteEntropy entropy = weightEntropy(FloatTensor({4, 1000}, values), grid);
        QCOMPARE(entropy.shannonBits, shannonEntropyBits(counts));
        QCOMPARE(entropy.huffmanBits, huffmanAverageBits(counts));
        QVERIFY(entropy.shannonBits <= entropy.huffmanBits && entropy.huffmanBits < entropy.shannonBits + 1);
    }

    void activationsAreEstimatedFromTheirHistogram() {
        std::vector<float> values = normal(60000);
        for (float& value : values) {
            value = std::max(value, 0.0F);
        }
        const SiteStatistics statistics = collectStatistics(values, 2, 3, 10000);
        for (const int bits : {1, 4, 8}) {
            const QParams grid = AffineQuantizer().Quantizer::qparams(Range{0, 3}, BitWidth(bits));
            const double exact = weightEntropy(FloatTensor({60000}, values), grid).shannonBits;
            // Bins of 1/512 against steps of 3/255: a bin on a threshold may take the wrong side.
            QVERIFY(std::fabs(activationEntropy(statistics, grid).shannonBits - exact) < 0.01);
            const std::vector<Range> ranges(3, Range{0, 3});
            const QParams perChannel = AffineQuantizer().qparams(ranges, BitWidth(bits), 1);
            // 256 bins a channel: coarser than 8-bit steps, so spread over them.
            QVERIFY(std::fabs(activationEntropy(statistics, perChannel).shannonBits - exact) < 0.03);
        }
    }

    void degenerate() {
        const QParams grid = AffineQuantizer().Quantizer::qparams(Range{0, 0}, BitWidth(8));
        QCOMPARE(activationEntropy({}, grid).symbols, std::uint64_t{0});
        const SiteEntropy constant = weightEntropy(FloatTensor({3}, {0, 0, 0}), grid);
        QCOMPARE(constant.shannonBits, 0.0);
        QCOMPARE(constant.huffmanBits, 0.0);
    }
};

QTEST_APPLESS_MAIN(TestSiteEntropy)
#include "test_site_entropy.moc"
