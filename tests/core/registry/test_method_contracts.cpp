// What every registered observer and quantizer promises, run over all of them, their parameters' defaults and choices.

#include "core/observers/observer.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/level_table.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"
#include "tests/support/method_variants.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;
using bitlathe::tests::methodText;

namespace {

std::vector<MethodSpec> variants(const MethodInfo& info) {
    return bitlathe::tests::methodVariants(info, true);
}

std::vector<Range> awkwardRanges() {
    return {{-1, 1},
            {-1, 3},
            {0, 6},
            {-6, 0},
            {2, 5},
            {-5, -2},
            {0, 0},
            {0.3, 0.3},
            {-0.3, -0.3},
            {-1e-12, 1e-12},
            {0, 1e-40},
            {-1e30, 1e30},
            {-3.0e38, 3.0e38},
            {-1e300, 1e300},
            {-0.001, 1000}};
}

bool isPossible(const Quantizer& quantizer, const Range& range, int bits) {
    try {
        quantizer.qparams(range, BitWidth(bits));
    } catch (const Error&) {
        return false;
    }
    return true;
}

std::vector<std::vector<float>> awkwardTensors() {
    std::mt19937 generator(12);
    std::normal_distribution<float> normal;
    std::vector<float> gauss(5000);
    for (float& x : gauss) {
        x = normal(generator);
    }
    std::vector<float> rectified = gauss;
    std::vector<float> outlier = gauss;
    std::vector<float> negative = gauss;
    for (std::size_t i = 0; i < gauss.size(); ++i) {
        rectified[i] = std::max(0.0F, gauss[i]);
        negative[i] = -1.0F - std::fabs(gauss[i]);
    }
    outlier[77] = 1e6F;
    return {gauss,        rectified, outlier,  negative,        {0.0F}, {0.0F, 0.0F, 0.0F},
            {0.3F, 0.3F}, {-2.0F},   {1e-42F}, {3e38F, -3e38F}, {1, -1}};
}

}  // namespace

class TestMethodContracts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void quantizers_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("variant");
        for (const MethodInfo& info : quantizerRegistry().list()) {
            const std::vector<MethodSpec> specs = variants(info);
            for (std::size_t i = 0; i < specs.size(); ++i) {
                QTest::newRow(qPrintable(methodText(specs[i])))
                    << QString::fromStdString(info.name) << static_cast<int>(i);
            }
        }
    }
    void quantizers() {
        QFETCH(QString, name);
        QFETCH(int, variant);
        const MethodSpec spec =
            variants(quantizerRegistry().info(name.toStdString()))[static_cast<std::size_t>(variant)];
        const std::unique_ptr<Quantizer> quantizer = quantizerRegistry().create(spec);
        std::vector<int> possible;
        for (int bits = 1; bits <= 16; ++bits) {
            int refused = 0;
            for (const Range& range : awkwardRanges()) {
                QParams q;
                try {
                    q = quantizer->qparams(range, BitWidth(bits));
                } catch (const Error& error) {
                    // A width it does not have; for ranges of one sign it may have it.
                    QCOMPARE(error.code(), ErrorCode::InvalidConfig);
                    QVERIFY2(QString(error.what()).contains("bit") || QString(error.what()).contains("bins"),
                             error.what());
                    ++refused;
                    continue;
                }
                checkGrid(q, bits);
                checkValues(q, range);
            }
            if (refused < static_cast<int>(awkwardRanges().size())) {
                possible.push_back(bits);
            }
            // Slices are independent but for the codes' limits and the sign, which they share.
            const std::vector<Range> ranges{{-1, 2}, {-3, 1}, {-1, 0}};
            if (refused == 0) {
                const QParams sliced = quantizer->qparams(ranges, BitWidth(bits), 1);
                QCOMPARE(sliced.axis, std::optional(1));
                QCOMPARE(sliced.scale.size(), std::size_t{3});
                const QParams alone = quantizer->qparams(ranges[1], BitWidth(bits));
                QCOMPARE(sliced.scale[1], alone.scale[0]);
                if (!sliced.isUniform()) {
                    QVERIFY(sliced.tables[1] == tableGrid({alone.tables[0]}, std::nullopt).tables[0]);
                }
            }
        }
        QVERIFY(!possible.empty());
        const BitWidth some(possible.front());
        QVERIFY_EXCEPTION_THROWN(quantizer->qparams(Range{1, 0}, some), Error);
        QVERIFY_EXCEPTION_THROWN(quantizer->qparams(Range{0, std::nan("")}, some), Error);
        QVERIFY_EXCEPTION_THROWN(quantizer->qparams({}, some, 0), Error);
    }

    void observers_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("variant");
        for (const MethodInfo& info : observerRegistry().list()) {
            const std::vector<MethodSpec> specs = variants(info);
            for (std::size_t i = 0; i < specs.size(); ++i) {
                QTest::newRow(qPrintable(methodText(specs[i])))
                    << QString::fromStdString(info.name) << static_cast<int>(i);
            }
        }
    }
    void observers() {
        QFETCH(QString, name);
        QFETCH(int, variant);
        const MethodSpec spec =
            variants(observerRegistry().info(name.toStdString()))[static_cast<std::size_t>(variant)];
        const std::unique_ptr<Observer> observer = observerRegistry().create(spec);
        for (const MethodInfo& info : quantizerRegistry().list()) {
            const std::unique_ptr<Quantizer> quantizer = quantizerRegistry().create({info.name, {}});
            // Observers see a quantizer through its grids alone: two stand for the many on every tensor.
            const bool isThorough = info.name == "affine" || info.name == "symmetric";
            const std::vector<std::vector<float>> tensors = awkwardTensors();
            for (std::size_t t = 0; t < (isThorough ? tensors.size() : 2); ++t) {
                const std::vector<float>& values = tensors[t];
                const SiteStatistics statistics =
                    collectStatistics(values, 1, 1, static_cast<std::int64_t>(values.size()));
                for (const int bits :
                     isThorough ? std::vector<int>{2, 4, 8, 16} : std::vector<int>{1, 2, 4}) {
                    if (!isPossible(*quantizer, {-1, 1}, bits) || !isPossible(*quantizer, {0, 1}, bits)) {
                        continue;  // a width this quantizer does not have
                    }
                    const Range range = observer->range(statistics, *quantizer, BitWidth(bits));
                    QVERIFY(std::isfinite(range.lower) && std::isfinite(range.upper) &&
                            range.lower <= range.upper);
                    QCOMPARE(observer->range(statistics, *quantizer, BitWidth(bits)), range);
                    if (isPossible(*quantizer, range, bits)) {
                        quantizer->qparams(range, BitWidth(bits));
                    }
                }
                if (observer->needsOnlyExtrema() && isPossible(*quantizer, {-1, 1}, 8)) {
                    SiteStatistics extrema;
                    extrema.count = statistics.count;
                    extrema.minimum = statistics.minimum;
                    extrema.maximum = statistics.maximum;
                    QCOMPARE(observer->range(extrema, *quantizer, BitWidth(8)),
                             observer->range(statistics, *quantizer, BitWidth(8)));
                }
            }
            try {
                observer->range(SiteStatistics{}, *quantizer, BitWidth(8));
                QFAIL("took empty statistics");
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::NotCalibrated);
            }
        }
    }

private:
    void checkGrid(const QParams& q, int bits) {
        QVERIFY(!q.isPerChannel());
        QCOMPARE(q.scale.size(), std::size_t{1});
        QCOMPARE(q.zeroPoint.size(), std::size_t{1});
        QVERIFY(std::isnormal(q.scale[0]) && q.scale[0] > 0);
        QVERIFY(q.quantMin <= q.zeroPoint[0] && q.zeroPoint[0] <= q.quantMax);
        QVERIFY(q.quantMax - q.quantMin < (1 << bits) && q.quantMax > q.quantMin);
        // Files store the codes of b bits as b bits.
        QVERIFY(q.quantMin >= -(1 << (bits - 1)) && q.quantMax <= (1 << bits) - 1);
        QVERIFY(q.isUniform() || q.tables.size() == 1);
    }

    void checkValues(const QParams& q, const Range& range) {
        const double lower = q.representableLower();
        const double upper = q.representableUpper();
        QVERIFY(std::isfinite(lower) && std::isfinite(upper));
        float previous = -std::numeric_limits<float>::infinity();
        for (int i = -10; i <= 110; ++i) {
            const auto x = static_cast<float>(
                std::clamp(range.lower + (range.upper - range.lower) * (i / 100.0), -3.4e38, 3.4e38));
            float y = 0;
            fakeQuantize({&x, 1}, {&y, 1}, q);
            QVERIFY(std::isfinite(y));
            if (range.width() > 0) {
                QVERIFY(y >= previous);
                previous = y;
            }
            if (!q.isUniform()) {
                QVERIFY(std::find(q.tables[0].levels.begin(), q.tables[0].levels.end(), y) !=
                        q.tables[0].levels.end());
                continue;
            }
            if (x >= lower && x <= upper) {
                const double reach = q.rounding == Rounding::Floor ? 1.0 : 0.5;
                // Half a step, and one rounding each of the quotient and of the product.
                QVERIFY(std::fabs(static_cast<double>(x) - y) <= reach * q.scale[0] + 0x1p-22 * std::fabs(x));
            }
            float again = 0;
            fakeQuantize({&y, 1}, {&again, 1}, q);
            // Floor may lose a code again: the quotient of a code's value can fall just below the code.
            if (q.rounding != Rounding::Floor) {
                QCOMPARE(again, y);
            }
        }
        if (q.isUniform()) {
            const float zero = 0;
            float y = 1;
            fakeQuantize({&zero, 1}, {&y, 1}, q);
            QCOMPARE(y, 0.0F);
        }
    }
};

QTEST_APPLESS_MAIN(TestMethodContracts)
#include "test_method_contracts.moc"
