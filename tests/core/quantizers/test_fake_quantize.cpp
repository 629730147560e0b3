#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <QtTest>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

QParams grid(int quantMin, int quantMax, float scale, int zeroPoint, Rounding rounding = Rounding::HalfEven) {
    QParams qparams;
    qparams.scale = {scale};
    qparams.zeroPoint = {zeroPoint};
    qparams.quantMin = quantMin;
    qparams.quantMax = quantMax;
    qparams.rounding = rounding;
    return qparams;
}

/// The definition, one value at a time, in 64-bit integers: README eq. 1.
std::int64_t referenceCode(float x, const QParams& q, std::size_t channel = 0) {
    const float quotient = x / q.scale[channel];
    double rounded = 0;
    switch (q.rounding) {
    case Rounding::HalfEven:
        rounded = std::nearbyint(static_cast<double>(quotient));
        break;
    case Rounding::HalfAway:
        rounded = std::round(static_cast<double>(quotient));
        break;
    case Rounding::HalfUp:
        rounded = std::floor(static_cast<double>(quotient + 0.5F));
        break;
    case Rounding::Floor:
        rounded = std::floor(static_cast<double>(quotient));
        break;
    }
    if (std::isnan(quotient)) {
        rounded = 0;
    }
    rounded = std::clamp(rounded, -1e9, 1e9);
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(rounded) + q.zeroPoint[channel], q.quantMin,
                                    q.quantMax);
}

/// README eq. 2.
float referenceValue(float x, const QParams& q, std::size_t channel = 0) {
    return static_cast<float>(referenceCode(x, q, channel) - q.zeroPoint[channel]) * q.scale[channel];
}

/// Random values, exact ties of the grid, its ends, and everything awkward.
std::vector<float> awkward(const QParams& q, unsigned seed) {
    std::vector<float> values{0.0F,
                              -0.0F,
                              kInf,
                              -kInf,
                              kNan,
                              std::numeric_limits<float>::max(),
                              std::numeric_limits<float>::lowest(),
                              std::numeric_limits<float>::min(),
                              std::numeric_limits<float>::denorm_min(),
                              0.49999997F * q.scale[0]};
    for (int code = q.quantMin - 2; code <= q.quantMax + 2;
         code += std::max(1, (q.quantMax - q.quantMin) / 300)) {
        const float relative = static_cast<float>(code - q.zeroPoint[0]);
        for (const float offset : {-0.5F, 0.0F, 0.5F}) {
            const float x = (relative + offset) * q.scale[0];
            values.insert(values.end(), {x, std::nextafter(x, -kInf), std::nextafter(x, kInf)});
        }
    }
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0F, q.scale[0] * static_cast<float>(q.quantMax - q.quantMin));
    for (int i = 0; i < 1000; ++i) {
        values.push_back(normal(generator));
    }
    return values;
}

}  // namespace

class TestFakeQuantize : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void handComputed() {
        const QParams q = grid(0, 255, 0.1F, 10);
        const std::vector<float> x{0.0F, 0.26F, -0.26F, -5.0F, 100.0F, kNan, kInf, -kInf};
        std::vector<std::int32_t> codes(x.size());
        quantize(x, codes, q);
        QCOMPARE(codes, (std::vector<std::int32_t>{10, 13, 7, 0, 255, 10, 255, 0}));
        std::vector<float> out(x.size());
        fakeQuantize(x, out, q);
        QCOMPARE(out[1], 3 * 0.1F);
        QCOMPARE(out[3], -10 * 0.1F);
        QCOMPARE(out[4], 245 * 0.1F);
        QCOMPARE(out[5], 0.0F);
    }

    void dividesInsteadOfMultiplying() {
        // The witness of fake_quantize.cpp: the reciprocal would give 29.
        const std::vector<float> x{0.295F};
        std::vector<std::int32_t> code(1);
        quantize(x, code, grid(-128, 127, 0.01F, 0));
        QCOMPARE(code[0], 30);
    }

    void bitEqualToTheDefinition_data() {
        QTest::addColumn<QParams>("q");
        for (const Rounding rounding :
             {Rounding::HalfEven, Rounding::HalfAway, Rounding::HalfUp, Rounding::Floor}) {
            for (const float scale : {0.25F, 0.1F, 3.7e-5F, 1234.5F, std::numeric_limits<float>::min()}) {
                const int r = static_cast<int>(rounding);
                const double s = static_cast<double>(scale);
                QTest::addRow("uint8 %g r%d", s, r) << grid(0, 255, scale, 37, rounding);
                QTest::addRow("int8 %g r%d", s, r) << grid(-127, 127, scale, 0, rounding);
                QTest::addRow("int4 %g r%d", s, r) << grid(-8, 7, scale, 0, rounding);
                QTest::addRow("uint2 %g r%d", s, r) << grid(0, 3, scale, 3, rounding);
                QTest::addRow("uint1 %g r%d", s, r) << grid(0, 1, scale, 0, rounding);
                QTest::addRow("uint16 %g r%d", s, r) << grid(0, 65535, scale, 65535, rounding);
            }
        }
    }
    void bitEqualToTheDefinition() {
        QFETCH(QParams, q);
        const std::vector<float> x = awkward(q, 17);
        std::vector<float> out(x.size());
        std::vector<std::int32_t> codes(x.size());
        fakeQuantize(x, out, q);
        quantize(x, codes, q);
        for (std::size_t i = 0; i < x.size(); ++i) {
            QCOMPARE(static_cast<std::int64_t>(codes[i]), referenceCode(x[i], q));
            const float expected = referenceValue(x[i], q);
            if (std::bit_cast<std::uint32_t>(out[i]) != std::bit_cast<std::uint32_t>(expected)) {
                QFAIL(qPrintable(
                    QString("x = %1: %2, expected %3").arg(x[i], 0, 'g', 9).arg(out[i]).arg(expected)));
            }
        }
        std::vector<float> inPlace = x;
        fakeQuantize(inPlace, inPlace, q);
        QVERIFY(std::equal(out.begin(), out.end(), inPlace.begin()));
        // Idempotent: rounding to the nearest code leaves codes alone. (Floor does not: 3 * 0.1f / 0.1f may fall
        // below 3.)
        if (q.rounding != Rounding::Floor) {
            fakeQuantize(inPlace, inPlace, q);
            QVERIFY(std::equal(out.begin(), out.end(), inPlace.begin()));
        }
    }

    void monotoneAndWithinHalfAStep() {
        const QParams q = grid(0, 15, 0.3F, 5);
        float previous = -kInf;
        for (float x = -3.0F; x < 4.0F; x += 0.0007F) {
            float y = 0;
            fakeQuantize({&x, 1}, {&y, 1}, q);
            QVERIFY(y >= previous);
            previous = y;
            if (x >= q.representableLower() && x <= q.representableUpper()) {
                // One rounding of the quotient and one of the product: 2^-23 of the value each.
                QVERIFY(std::fabs(x - y) <= 0.15F + 4.0F * 0x1p-22F);
            }
        }
    }

    void interleavedEqualsPerChannel_data() {
        QTest::addColumn<int>("channels");
        for (const int channels : {1, 2, 3, 8, 13, 64, 255, 256, 300, 1000}) {
            QTest::addRow("%d", channels) << channels;
        }
    }
    void interleavedEqualsPerChannel() {
        QFETCH(int, channels);
        constexpr int kPixels = 37;
        QParams q = grid(0, 255, 0.1F, 0);
        q.axis = 1;
        q.scale.clear();
        q.zeroPoint.clear();
        for (int c = 0; c < channels; ++c) {
            q.scale.push_back(0.01F * static_cast<float>(c + 1));
            q.zeroPoint.push_back((c * 7) % 256);
        }
        std::mt19937 generator(5);
        std::normal_distribution<float> normal(0.0F, 3.0F);
        std::vector<float> x(static_cast<std::size_t>(channels) * kPixels);
        for (float& value : x) {
            value = normal(generator);
        }
        x[0] = kNan;
        std::vector<float> out(x.size());
        fakeQuantizeInterleaved(x, out, q);
        std::vector<float> viaTensor(x.size());
        fakeQuantizeTensor(x, viaTensor, q, kPixels, channels, 1);
        for (std::size_t i = 0; i < x.size(); ++i) {
            QCOMPARE(out[i], referenceValue(x[i], q, i % static_cast<std::size_t>(channels)));
            QCOMPARE(viaTensor[i], out[i]);
        }
    }

    void tensorsSplitAlongTheirAxis() {
        QParams q = grid(-8, 7, 1.0F, 0);
        q.axis = 1;
        q.scale = {1.0F, 0.5F};
        q.zeroPoint = {0, 1};
        const std::vector<float> x{1.4F, -9.0F, 0.3F, 2.6F, 7.4F, 8.0F, -0.1F, 3.3F};  // 2 x 2 x 2
        std::vector<float> out(8);
        std::vector<std::int32_t> codes(8);
        fakeQuantizeTensor(x, out, q, 2, 2, 2);
        quantizeTensor(x, codes, q, 2, 2, 2);
        QCOMPARE(codes, (std::vector<std::int32_t>{1, -8, 2, 6, 7, 7, 1, 7}));
        QCOMPARE(out, (std::vector<float>{1, -8, 0.5, 2.5, 7, 7, 0, 3}));
        QVERIFY_EXCEPTION_THROWN(fakeQuantizeTensor(x, out, q, 2, 2, 3), Error);
        QVERIFY_EXCEPTION_THROWN(quantizeTensor(x, codes, q, 2, 4, 1), Error);
        QVERIFY_EXCEPTION_THROWN(fakeQuantizeInterleaved({x.data(), 7}, {out.data(), 7}, q), Error);
        QVERIFY_EXCEPTION_THROWN(fakeQuantize(x, {out.data(), 7}, q), Error);
    }

    void gradientPassesInsideTheCodes() {
        const QParams q = grid(0, 3, 0.5F, 1);  // represents -0.5 .. 1
        const std::vector<float> x{-0.76F, -0.75F, -0.74F, 0.0F, 1.24F, 1.25F, 1.26F, kNan, kInf, -kInf};
        const std::vector<float> gradient(x.size(), 2.0F);
        std::vector<float> out(x.size());
        fakeQuantizeBackward(x, gradient, out, q);
        // -1.5 rounds to -2 (outside), 2.5 to 2 (inside): half to even.
        QCOMPARE(out, (std::vector<float>{0, 0, 2, 2, 2, 2, 0, 0, 0, 0}));
    }

    void masksAreTheBackwardPass() {
        for (const Rounding rounding :
             {Rounding::HalfEven, Rounding::HalfAway, Rounding::HalfUp, Rounding::Floor}) {
            QParams q = grid(0, 15, 0.3F, 5, rounding);
            const std::vector<float> x = awkward(q, 23);
            const std::vector<float> gradient(x.size(), 2.0F);
            std::vector<float> expected(x.size());
            std::vector<float> expectedGradient(x.size());
            fakeQuantize(x, expected, q);
            fakeQuantizeBackward(x, gradient, expectedGradient, q);
            std::vector<float> out(x.size());
            std::vector<std::uint8_t> mask(x.size());
            fakeQuantizeMasked(x, out, mask, q);
            QVERIFY(std::equal(out.begin(), out.end(), expected.begin()));
            std::vector<float> masked(x.size());
            maskGradient(mask, gradient, masked);
            QCOMPARE(masked, expectedGradient);
            q.axis = 1;
            std::fill(mask.begin(), mask.end(), std::uint8_t{7});
            fakeQuantizeInterleavedMasked(x, out, mask, q);
            QVERIFY(std::equal(out.begin(), out.end(), expected.begin()));
            maskGradient(mask, gradient, masked);
            QCOMPARE(masked, expectedGradient);
        }
    }

    void emptyTensorsAreFine() {
        const QParams q = grid(0, 255, 1.0F, 0);
        fakeQuantize({}, {}, q);
        fakeQuantizeTensor({}, {}, q, 0, 3, 4);
        fakeQuantizeBackward({}, {}, {}, q);
    }
};

QTEST_APPLESS_MAIN(TestFakeQuantize)
#include "test_fake_quantize.moc"
