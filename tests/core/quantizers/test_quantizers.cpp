#include "core/plan/quantized_bias.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/power_of_two_quantizer.h"
#include "core/quantizers/symmetric_quantizer.h"
#include "core/types/error.h"

#include <QtTest>

#include <cmath>
#include <limits>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

float roundTrip(float x, const QParams& q) {
    float y = 0;
    fakeQuantize({&x, 1}, {&y, 1}, q);
    return y;
}

}  // namespace

class TestQuantizers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void affineByHand() {
        const AffineQuantizer affine;
        const Quantizer& quantizer = affine;
        // [-1, 3] over 15 steps: 4/15; zero point round(3.75) = 4.
        const QParams q = quantizer.qparams(Range{-1, 3}, BitWidth(4));
        QCOMPARE(q.scale, (std::vector<float>{static_cast<float>(4.0 / 15)}));
        QCOMPARE(q.zeroPoint, (std::vector<std::int32_t>{4}));
        QCOMPARE(q.quantMin, 0);
        QCOMPARE(q.quantMax, 15);
        QVERIFY(!q.isPerChannel());
        const QParams s =
            AffineQuantizer(AffineQuantizer::Codes::Signed).Quantizer::qparams(Range{-1, 3}, BitWidth(4));
        QCOMPARE(s.zeroPoint, (std::vector<std::int32_t>{-4}));
        QCOMPARE(s.representableLower(), q.representableLower());
        QCOMPARE(s.representableUpper(), q.representableUpper());
    }

    void affineExtendsToZero() {
        const AffineQuantizer affine;
        const QParams above = affine.qparams(Range{2, 4}, BitWidth(8));
        QCOMPARE(above.zeroPoint[0], 0);
        QCOMPARE(above.scale[0], static_cast<float>(4.0 / 255));
        const QParams below = affine.qparams(Range{-4, -2}, BitWidth(8));
        QCOMPARE(below.zeroPoint[0], 255);
    }

    void affineDegenerateRanges() {
        const AffineQuantizer affine;
        for (const int bits : {1, 2, 8, 16}) {
            const QParams zero = affine.qparams(Range{0, 0}, BitWidth(bits));
            QCOMPARE(zero.scale[0], 1.0F);
            QCOMPARE(roundTrip(0.0F, zero), 0.0F);
            for (const float c : {0.3F, -0.3F, 1e-30F, -7e30F}) {
                const QParams constant = affine.qparams(Range{c, c}, BitWidth(bits));
                QCOMPARE(roundTrip(c, constant), c);
                QCOMPARE(roundTrip(0.0F, constant), 0.0F);
            }
            // Too narrow for float32's normal steps, and wider than float32 itself: finite, positive steps.
            for (const Range& range : {Range{0, 1e-300}, Range{-1e300, 1e300}, Range{-3.4e38, 3.4e38}}) {
                const QParams q = affine.qparams(range, BitWidth(bits));
                QVERIFY(std::isnormal(q.scale[0]) && q.scale[0] > 0);
                QVERIFY(std::isfinite(roundTrip(3e38F, q)));
                QVERIFY(std::isfinite(roundTrip(-3e38F, q)));
                QCOMPARE(roundTrip(0.0F, q), 0.0F);
            }
        }
    }

    void affineOneBitReachesTheFartherSide() {
        const AffineQuantizer affine;
        QCOMPARE(affine.qparams(Range{-1, 3}, BitWidth(1)).zeroPoint[0], 0);
        QCOMPARE(affine.qparams(Range{-3, 1}, BitWidth(1)).zeroPoint[0], 1);
        QCOMPARE(affine.qparams(Range{-2, 2}, BitWidth(1)).zeroPoint[0], 0);
    }

    void symmetricByHand() {
        const SymmetricQuantizer narrow;
        QParams q = narrow.qparams(Range{-2.54, 1}, BitWidth(8));
        QCOMPARE(q.scale[0], static_cast<float>(2.54 / 127));
        QCOMPARE(q.quantMin, -127);
        QCOMPARE(q.quantMax, 127);
        q = SymmetricQuantizer(SymmetricQuantizer::Codes::Full)
                .Quantizer::qparams(Range{-2.54, 1}, BitWidth(8));
        QCOMPARE(q.scale[0], static_cast<float>(2.54 / 127));
        QCOMPARE(q.quantMin, -128);
        q = narrow.qparams(Range{0, 3}, BitWidth(2));  // nothing negative: unsigned
        QCOMPARE(q.scale[0], 1.0F);
        QCOMPARE(q.quantMin, 0);
        QCOMPARE(q.quantMax, 3);
        using Sign = SymmetricQuantizer::Sign;
        q = SymmetricQuantizer(SymmetricQuantizer::Codes::Narrow, Sign::Signed)
                .Quantizer::qparams(Range{0, 3}, BitWidth(3));
        QCOMPARE(q.quantMin, -3);
        q = SymmetricQuantizer(SymmetricQuantizer::Codes::Narrow, Sign::Unsigned)
                .Quantizer::qparams(Range{-9, 3}, BitWidth(2));
        QCOMPARE(q.scale[0], 1.0F);
        QCOMPARE(roundTrip(-9.0F, q), 0.0F);
    }

    void oneSignAppliesToAllSlices() {
        const std::vector<Range> ranges{{0, 1}, {-2, 1}};
        const QParams q = SymmetricQuantizer().qparams(ranges, BitWidth(8), 0);
        QCOMPARE(q.quantMin, -127);
        QCOMPARE(q.axis, std::optional(0));
        QCOMPARE(q.scale, (std::vector<float>{static_cast<float>(1.0 / 127), static_cast<float>(2.0 / 127)}));
    }

    void powerOfTwoByHand_data() {
        QTest::addColumn<double>("lower");
        QTest::addColumn<double>("upper");
        QTest::addColumn<int>("bits");
        QTest::addColumn<float>("scale");
        QTest::addColumn<int>("quantMin");
        QTest::newRow("1 stays 1") << -1.0 << 0.5 << 8 << 0x1p-7F << -128;
        QTest::newRow("just above 1") << -1.0000000000000002 << 0.5 << 8 << 0x1p-6F << -128;
        QTest::newRow("unsigned") << 0.0 << 5.9 << 8 << 0x1p-5F << 0;
        QTest::newRow("floor of the range") << 0.0 << 0.0 << 8 << 0x1p-24F << 0;
        QTest::newRow("4 bits") << -3.0 << 2.0 << 4 << 0.5F << -8;
        QTest::newRow("beyond float32") << -1e300 << 1e300 << 8 << 0x1p119F << -128;
    }
    void powerOfTwoByHand() {
        QFETCH(double, lower);
        QFETCH(double, upper);
        QFETCH(int, bits);
        const QParams q = PowerOfTwoQuantizer().Quantizer::qparams(Range{lower, upper}, BitWidth(bits));
        QTEST(q.scale[0], "scale");
        QTEST(q.quantMin, "quantMin");
        QVERIFY(std::isfinite(roundTrip(-std::numeric_limits<float>::max(), q)));
    }

    void oneSignedBitIsRefused() {
        QVERIFY_EXCEPTION_THROWN(SymmetricQuantizer().Quantizer::qparams(Range{-1, 1}, BitWidth(1)), Error);
        QVERIFY_EXCEPTION_THROWN(PowerOfTwoQuantizer().Quantizer::qparams(Range{-1, 1}, BitWidth(1)), Error);
        QCOMPARE(SymmetricQuantizer().Quantizer::qparams(Range{0, 1}, BitWidth(1)).quantMax, 1);
    }

    void badRangesAreNamed() {
        const AffineQuantizer affine;
        for (const Range& range : {Range{1, -1}, Range{-kInf, 1}, Range{0, std::nan("")}}) {
            QVERIFY_EXCEPTION_THROWN(affine.qparams(range, BitWidth(8)), Error);
        }
        const std::vector<Range> ranges{{0, 1}, {1, 0}};
        try {
            affine.qparams(ranges, BitWidth(8), 0);
            QFAIL("taken");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::InvalidConfig);
            QVERIFY(QString(error.what()).contains("slice 1"));
        }
        QVERIFY_EXCEPTION_THROWN(affine.qparams(std::span<const Range>(), BitWidth(8), 0), Error);
    }

    void biasCodesByHand() {
        QParams input = AffineQuantizer().Quantizer::qparams(Range{0, 2.55}, BitWidth(8));
        QParams weight;
        weight.scale = {0.5F, 0.25F};
        weight.zeroPoint = {0, 0};
        weight.axis = 0;
        const std::vector<float> bias{0.0124F, -3.0F};
        const QuantizedBias q = quantizedBias(bias, input, weight);
        QCOMPARE(q.scale, (std::vector<float>{0.01F * 0.5F, 0.01F * 0.25F}));
        QCOMPARE(q.codes,
                 (std::vector<std::int32_t>{2, -1200}));  // 0.0124 / 0.005 = 2.48, -3 / 0.0025 = -1200
        QCOMPARE(q.value(1), -1200 * q.scale[1]);
        const std::vector<float> large{1e30F, -1e30F};
        QCOMPARE(quantizedBias(large, input, weight).codes,
                 (std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::max(),
                                            std::numeric_limits<std::int32_t>::min()}));
        QVERIFY_EXCEPTION_THROWN(quantizedBias(bias, weight, weight), Error);
        QVERIFY_EXCEPTION_THROWN(quantizedBias(std::vector<float>{1, 2, 3}, input, weight), Error);
        QVERIFY_EXCEPTION_THROWN(quantizedBias(std::vector<float>{1, std::nanf("")}, input, weight), Error);
        QCOMPARE(quantizedBias({}, input, input).codes.size(), std::size_t{0});
    }
};

QTEST_APPLESS_MAIN(TestQuantizers)
#include "test_quantizers.moc"
