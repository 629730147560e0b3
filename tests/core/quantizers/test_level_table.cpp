#include "core/analysis/quantization_error.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The definition: README eq. 36, one value at a time.
std::int32_t referenceCode(float x, const LevelTable& table) {
    const float seen = std::isnan(x) ? 0.0F : x;
    std::int32_t code = 0;
    for (const float threshold : table.thresholds) {
        code += threshold < seen ? 1 : 0;
    }
    return code;
}

std::vector<float> normal(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution(0.0F, 1.0F);
    std::vector<float> values(count);
    for (float& value : values) {
        value = distribution(random);
    }
    return values;
}

LevelTable randomTable(std::size_t levels, unsigned seed) {
    return midpointTable(normal(levels, seed));
}

/// Random values, the thresholds themselves, their neighbours, and what is no number.
std::vector<float> awkward(const LevelTable& table, unsigned seed) {
    std::vector<float> values = normal(501, seed);
    for (const float threshold : table.thresholds) {
        values.insert(values.end(),
                      {threshold, std::nextafter(threshold, kInf), std::nextafter(threshold, -kInf)});
    }
    values.insert(values.end(), {0.0F, -0.0F, kInf, -kInf, kNan});
    return values;
}

}  // namespace

class TestLevelTable : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theKernelsFollowTheDefinition_data() {
        QTest::addColumn<int>("levels");
        for (const int levels : {2, 3, 4, 16, 33, 34, 100, 256}) {
            QTest::addRow("%d levels", levels) << levels;
        }
    }
    void theKernelsFollowTheDefinition() {
        QFETCH(int, levels);
        const LevelTable table = randomTable(static_cast<std::size_t>(levels), 7);
        const QParams grid = tableGrid({table}, std::nullopt);
        QCOMPARE(grid.quantMax, levels - 1);
        QVERIFY(!grid.isUniform());
        const std::vector<float> values = awkward(table, 11);
        std::vector<float> out(values.size());
        std::vector<std::int32_t> codes(values.size());
        fakeQuantize(values, out, grid);
        quantize(values, codes, grid);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::int32_t expected = referenceCode(values[i], table);
            QCOMPARE(codes[i], expected);
            QCOMPARE(out[i], table.levels[static_cast<std::size_t>(expected)]);
            QCOMPARE(static_cast<double>(out[i]), grid.value(codes[i]));
        }
        std::vector<float> again(out.size());
        fakeQuantize(out, again, grid);
        QCOMPARE(again, out);
        std::vector<float> inPlace = values;
        fakeQuantize(inPlace, inPlace, grid);
        QCOMPARE(inPlace, out);
    }

    void slicesHaveTablesOfTheirOwn() {
        const std::vector<LevelTable> tables{randomTable(4, 1), randomTable(3, 2), randomTable(4, 3)};
        const QParams grid = tableGrid(tables, 1);
        QCOMPARE(grid.slices(), std::size_t{3});
        const std::vector<float> values = normal(2 * 3 * 50, 5);
        std::vector<float> out(values.size());
        fakeQuantizeTensor(values, out, grid, 2, 3, 50);
        std::vector<std::int32_t> codes(values.size());
        quantizeTensor(values, codes, grid, 2, 3, 50);
        std::vector<float> pixels(values.size());  // the same tensor, channels last
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t channel = i / 50 % 3;
            pixels[(i / 150 * 50 + i % 50) * 3 + channel] = values[i];
            QCOMPARE(
                out[i],
                tables[channel].levels[static_cast<std::size_t>(referenceCode(values[i], tables[channel]))]);
            QCOMPARE(codes[i], referenceCode(values[i], tables[channel]));
        }
        fakeQuantizeInterleaved(pixels, pixels, grid);
        for (std::size_t i = 0; i < values.size(); ++i) {
            QCOMPARE(pixels[(i / 150 * 50 + i % 50) * 3 + i / 50 % 3], out[i]);
        }
    }

    void theGradientPassesBetweenTheOuterLevels() {
        const QParams grid = tableGrid({midpointTable({-1, 0.5F, 2})}, std::nullopt);
        const std::vector<float> x{-1.5F, -1, 0, 2, 2.5F, kNan};
        const std::vector<float> gradient(x.size(), 3);
        std::vector<float> out(x.size());
        fakeQuantizeBackward(x, gradient, out, grid);
        QCOMPARE(out, (std::vector<float>{0, 3, 3, 3, 0, 0}));
    }

    void aTableOfAKernelIsTheKernel() {
        // Half to even at thirds: the ties fall on floats that the quotient rounds to, not on the real ties.
        const Kernel kernel = [](std::span<const float> in, std::span<float> out) {
            for (std::size_t i = 0; i < in.size(); ++i) {
                out[i] = std::nearbyint(std::clamp(in[i] / 0.3F, -2.0F, 5.0F)) * 0.3F;
            }
        };
        std::vector<float> witness;
        for (int k = -2; k <= 5; ++k) {
            witness.push_back(static_cast<float>(k) * 0.3F);
        }
        const LevelTable table = tableOfKernel(kernel, witness);
        QCOMPARE(table.levels.size(), std::size_t{8});
        const std::vector<float> values = awkward(table, 3);
        const QParams grid = tableGrid({table}, std::nullopt);
        for (const float x : values) {
            if (std::isnan(x)) {
                continue;
            }
            float expected = 0;
            float got = 0;
            kernel({&x, 1}, {&expected, 1});
            fakeQuantize({&x, 1}, {&got, 1}, grid);
            QCOMPARE(got, expected);
        }
    }

    void errorsFromAHistogramAgreeWithThoseOfTheValues() {
        const std::vector<float> values = normal(40000, 13);
        Histogram histogram;
        histogram.add(values);
        for (const std::size_t levels : {2UL, 5UL, 16UL}) {
            const QParams grid = tableGrid({randomTable(levels, 17)}, std::nullopt);
            const double exact = quantizationError(values, grid).meanSquaredError;
            const QuantizationError estimate = quantizationError(histogram, grid);
            // Values are uniform within a bin in the estimate: bins of 1/256, 40,000 values.
            QVERIFY(std::fabs(estimate.meanSquaredError - exact) < 2e-3 * exact);
            QCOMPARE(meanSquaredError(histogram, grid), estimate.meanSquaredError);
        }
    }

    void badTablesAreRefused() {
        const auto refused = [](const LevelTable& table) {
            try {
                tableGrid({table}, std::nullopt);
            } catch (const Error& error) {
                return error.code() == ErrorCode::InvalidConfig;
            }
            return false;
        };
        QVERIFY(refused({{}, {}}));
        QVERIFY(refused({{1, 0}, {0.5F}}));
        QVERIFY(refused({{0, 1}, {}}));
        QVERIFY(refused({{0, 1, 2}, {2, 1}}));
        QVERIFY(refused({{0, kInf}, {1}}));
        QVERIFY(refused({{0, 1}, {kNan}}));
        QVERIFY(refused(midpointTable(std::vector<float>(257, 1.0F))));
    }
};

QTEST_APPLESS_MAIN(TestLevelTable)
#include "test_level_table.moc"
