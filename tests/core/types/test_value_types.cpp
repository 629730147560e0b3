#include "core/types/bit_width.h"
#include "core/types/error.h"
#include "core/types/quant_config.h"
#include "core/types/rounding.h"
#include "core/types/shape.h"
#include "core/types/site_statistics.h"

#include <QtTest>

#include <cmath>
#include <limits>

using namespace bitlathe::core;

class TestValueTypes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void bitWidthsOutsideOneToSixteenCannotExist() {
        QCOMPARE(BitWidth(1).levels(), 2);
        QCOMPARE(BitWidth(16).levels(), 65536);
        for (const int bits : {0, -1, 17, 32}) {
            QVERIFY_EXCEPTION_THROWN(BitWidth{bits}, Error);
        }
    }

    void roundingsDifferAtTies_data() {
        QTest::addColumn<double>("x");
        QTest::addColumn<double>("halfEven");
        QTest::addColumn<double>("halfAway");
        QTest::addColumn<double>("halfUp");
        QTest::addColumn<double>("floor");
        QTest::newRow("2.5") << 2.5 << 2.0 << 3.0 << 3.0 << 2.0;
        QTest::newRow("-2.5") << -2.5 << -2.0 << -3.0 << -2.0 << -3.0;
        QTest::newRow("3.5") << 3.5 << 4.0 << 4.0 << 4.0 << 3.0;
        QTest::newRow("0.5") << 0.5 << 0.0 << 1.0 << 1.0 << 0.0;
        QTest::newRow("-0.5") << -0.5 << 0.0 << -1.0 << 0.0 << -1.0;
        QTest::newRow("0.3") << 0.3 << 0.0 << 0.0 << 0.0 << 0.0;
        QTest::newRow("-0.7") << -0.7 << -1.0 << -1.0 << -1.0 << -1.0;
    }
    void roundingsDifferAtTies() {
        QFETCH(double, x);
        QTEST(roundTo(x, Rounding::HalfEven), "halfEven");
        QTEST(roundTo(x, Rounding::HalfAway), "halfAway");
        QTEST(roundTo(x, Rounding::HalfUp), "halfUp");
        QTEST(roundTo(x, Rounding::Floor), "floor");
        QTEST(static_cast<double>(roundTo(static_cast<float>(x), Rounding::HalfAway)), "halfAway");
    }

    void halfAwayIsTheCLibrarysRound() {
        for (const float x : {0.49999997F, -0.49999997F, 8388607.5F, 8388609.0F, 1e30F, -1e30F, 0.0F,
                              std::numeric_limits<float>::infinity()}) {
            QCOMPARE(roundTo(x, Rounding::HalfAway), std::round(x));
        }
        QVERIFY(std::isnan(roundTo(std::numeric_limits<float>::quiet_NaN(), Rounding::HalfAway)));
    }

    void sitesOfAbsentLayersAreFloat() {
        QuantConfig config;
        config.input.bits = BitWidth(8);
        config.layers[LayerId("a")].weight.bits = BitWidth(4);
        QCOMPARE(config.site({kInputLayer, SiteKind::Output}).bits, std::optional(BitWidth(8)));
        QCOMPARE(config.site({LayerId("a"), SiteKind::Weight}).bits, std::optional(BitWidth(4)));
        QVERIFY(config.site({LayerId("a"), SiteKind::Output}).isFloat());
        QVERIFY(config.site({LayerId("b"), SiteKind::Weight}).isFloat());
    }

    void mergedStatisticsAreThoseOfAllBatches() {
        SiteStatistics total;
        SiteStatistics first;
        first.count = 2;
        first.samples = 1;
        first.minimum = -1;
        first.maximum = 2;
        first.sum = 1;
        first.sumOfSquares = 5;
        first.channelRanges = {{-1, 0}, {0, 2}};
        SiteStatistics second = first;
        second.minimum = -3;
        second.maximum = 1;
        second.channelRanges = {{-3, 1}, {0, 1}};
        total.merge(first);
        total.merge(SiteStatistics{});
        total.merge(second);
        QCOMPARE(total.count, std::uint64_t{4});
        QCOMPARE(total.samples, std::uint64_t{2});
        QCOMPARE(total.minimum, -3.0);
        QCOMPARE(total.maximum, 2.0);
        QCOMPARE(total.batchRanges, (std::vector<Range>{{-1, 2}, {-3, 1}}));
        QCOMPARE(total.channelRanges, (std::vector<Range>{{-3, 1}, {0, 2}}));
        QCOMPARE(total.meanSquare(), 2.5);
    }

    void varianceOfAConstantIsNotNegative() {
        SiteStatistics statistics;
        statistics.count = 3;
        statistics.sum = 0.3;
        statistics.sumOfSquares = 0.03 - 1e-17;
        QVERIFY(statistics.variance() >= 0.0);
    }

    void shapesAsText() {
        QCOMPARE(elementCount({}), std::int64_t{1});
        QCOMPARE(elementCount({2, 3, 4}), std::int64_t{24});
        QCOMPARE(QString::fromStdString(shapeText({1, 32, 32})), QString::fromUtf8("1×32×32"));
        QCOMPARE(QString::fromStdString(shapeText({})), QString("scalar"));
    }

    void onlyUserErrorsAreBadInput() {
        QVERIFY(Error(ErrorCode::InvalidConfig, "x").isBadInput());
        QVERIFY(!Error(ErrorCode::EngineUnavailable, "x").isBadInput());
        QCOMPARE(errorCodeName(ErrorCode::NotCalibrated), std::string_view("not_calibrated"));
    }
};

QTEST_APPLESS_MAIN(TestValueTypes)
#include "test_value_types.moc"
