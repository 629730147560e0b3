#include "core/deploy/requantization.h"
#include "core/types/error.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace bitlathe::core;

class TestRequantization : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void factorsByHand() {
        QCOMPARE(fixedFactor(1.0), (FixedFactor{1 << 30, 1}));
        QCOMPARE(fixedFactor(0.5), (FixedFactor{1 << 30, 0}));
        QCOMPARE(fixedFactor(-0.75), (FixedFactor{-1610612736, 0}));
        QCOMPARE(fixedFactor(0.0), (FixedFactor{0, 0}));
        QCOMPARE(fixedFactor(0.4, 7), (FixedFactor{102, -1}));
        QCOMPARE(fixedFactor(std::nextafter(1.0, 0.0)),
                 (FixedFactor{std::numeric_limits<std::int32_t>::max(), 0}));
        QCOMPARE(fixedFactor(1e-300).exponent, -128);
        QVERIFY_EXCEPTION_THROWN(fixedFactor(std::nan("")), Error);
        QVERIFY_EXCEPTION_THROWN(fixedFactor(1.0, 32), Error);
        for (const double factor : {0.1, -3.7e-5, 12345.6}) {
            QVERIFY(std::fabs(value(fixedFactor(factor)) / factor - 1) < 0x1p-30);
        }
    }

    void shiftsFloorLikeTheRealProduct() {
        std::mt19937_64 generator(3);
        for (int i = 0; i < 20000; ++i) {
            const auto acc = static_cast<std::int32_t>(generator());
            const FixedFactor factor{static_cast<std::int32_t>(generator()),
                                     static_cast<int>(generator() % 80) - 60};
            const std::int32_t largest = (1 << (1 + generator() % 8)) - 1;
            // 64 x 32 bits fit a long double's 64-bit mantissa.
            const long double product =
                static_cast<long double>(static_cast<std::int64_t>(acc) * factor.mantissa);
            const long double exact = std::floor(std::ldexp(product, factor.exponent - 31));
            const auto expected = static_cast<std::int32_t>(std::clamp<long double>(exact, 0, largest));
            QCOMPARE(requantize(acc, factor, largest), expected);
        }
    }

    void everyRoundingFollowsTheRealNumber() {
        // Factor 1/2 makes a tie of every odd accumulator; -0.75 has none at these sizes that its sign could hide.
        const FixedFactor half = fixedFactor(0.5);
        const auto code = [&](std::int64_t acc, Rounding rounding) {
            return requantize(acc, half, rounding, 3, -128, 127) - 3;
        };
        QCOMPARE(code(5, Rounding::HalfEven), 2);
        QCOMPARE(code(7, Rounding::HalfEven), 4);
        QCOMPARE(code(-5, Rounding::HalfEven), -2);
        QCOMPARE(code(5, Rounding::HalfAway), 3);
        QCOMPARE(code(-5, Rounding::HalfAway), -3);
        QCOMPARE(code(5, Rounding::HalfUp), 3);
        QCOMPARE(code(-5, Rounding::HalfUp), -2);
        QCOMPARE(code(-5, Rounding::Floor), -3);
        QCOMPARE(requantize(1000, half, Rounding::Floor, 3, 0, 15), 15);
        QCOMPARE(requantize(-1000, half, Rounding::Floor, 3, 0, 15), 0);

        std::mt19937_64 generator(5);
        for (int i = 0; i < 40000; ++i) {
            const auto acc = static_cast<std::int32_t>(generator()) >> (generator() % 28);
            auto mantissa = static_cast<std::int32_t>(generator());
            // Every second mantissa is a power of two: many exact ties.
            mantissa = i % 2 == 0 ? mantissa : (mantissa < 0 ? -1 : 1) * (1 << 30);
            const FixedFactor factor{mantissa, 30 - static_cast<int>(generator() % 62)};
            const auto rounding = static_cast<Rounding>(generator() % 4);
            const long double exact =
                std::ldexp(static_cast<long double>(std::int64_t{acc} * mantissa), factor.exponent - 31);
            const auto expected = std::clamp<long double>(roundTo(exact, rounding) + 100, -1e9L, 1e9L);
            QCOMPARE(
                static_cast<long double>(requantize(acc, factor, rounding, 100, -1000000000, 1000000000)),
                expected);
        }
        QCOMPARE(pureShift(fixedFactor(0.25)), std::optional<int>(2));
        QCOMPARE(pureShift(fixedFactor(0.3)), std::optional<int>());
        QCOMPARE(pureShift(fixedFactor(-0.5)), std::optional<int>());
    }

    /// Where rounding is said not to matter, every rounding to nearest gives the same code for every accumulator.
    void roundingThatDoesNotMatter() {
        std::mt19937_64 generator(9);
        int settled = 0;
        int byTheClamp = 0;
        for (int i = 0; i < 3000; ++i) {
            // Mantissas with many zero bits at the end: ties within reach.
            const int zeros = static_cast<int>(generator() % 31);
            const auto odd = static_cast<std::int32_t>(generator() % (std::uint64_t{1} << (31 - zeros))) | 1;
            const FixedFactor factor{(generator() % 2 == 0 ? 1 : -1) * (odd << zeros),
                                     static_cast<int>(generator() % 12) - 8};
            const auto bound = static_cast<std::int64_t>(generator() % 3000);
            const auto lower = static_cast<std::int32_t>(generator() % 200) - 128;
            const auto upper = lower + static_cast<std::int32_t>(generator() % 256);
            const auto zero = lower + static_cast<std::int32_t>(generator() % 2) * (upper - lower) / 2;
            if (roundingMatters(factor, bound, zero, lower, upper)) {
                continue;
            }
            ++settled;
            byTheClamp += roundingMatters(factor, bound, zero, -1'000'000'000, 1'000'000'000) ? 1 : 0;
            for (std::int64_t acc = -bound; acc <= bound; ++acc) {
                const auto code = [&](Rounding rounding) {
                    return requantize(acc, factor, rounding, zero, lower, upper);
                };
                QCOMPARE(code(Rounding::HalfEven), code(Rounding::HalfUp));
                QCOMPARE(code(Rounding::HalfAway), code(Rounding::HalfUp));
            }
        }
        QVERIFY(settled > 300 && settled < 2900);
        QVERIFY(byTheClamp > 30);
        // By hand: 8192 a step of 1526.5 codes. It is in reach, but beyond 255 on one side and below 0 on the other.
        const FixedFactor real{1'600'651'264, -2};
        QVERIFY(!roundingMatters(real, 16'065, 0, 0, 255));
        QVERIFY(roundingMatters(real, 16'065, 0, 0, 2000));
        QVERIFY(!roundingMatters(real, 8'191, 0, 0, 2000));
        // Factor 1/2: the first tie is 1 -> 0.5.
        QVERIFY(roundingMatters(fixedFactor(0.5), 1, 0, 0, 255));
        QVERIFY(!roundingMatters(fixedFactor(0.5), 0, 0, 0, 255));
        QVERIFY(!roundingMatters(fixedFactor(4.0), 1000, 0, 0, 255));  // whole steps
        QVERIFY(!roundingMatters(FixedFactor{}, 1000, 0, 0, 255));
    }

    void thresholdsSayTheSame() {
        std::mt19937_64 generator(4);
        for (int i = 0; i < 300; ++i) {
            auto mantissa = static_cast<std::int32_t>((1U << 30) + generator() % (1U << 30));
            mantissa = i % 3 == 0 ? -mantissa : mantissa;
            const FixedFactor factor{mantissa, -static_cast<int>(generator() % 20)};
            const std::vector<std::int64_t> thresholds = requantizationThresholds(factor, 15);
            QCOMPARE(thresholds.size(), std::size_t{15});
            for (int k = 0; k < 50; ++k) {
                const auto acc =
                    static_cast<std::int64_t>(static_cast<std::int32_t>(generator()) >> (generator() % 30));
                const auto reached = std::count_if(thresholds.begin(), thresholds.end(), [&](std::int64_t t) {
                    return mantissa > 0 ? acc >= t : acc <= t;
                });
                QCOMPARE(static_cast<std::int32_t>(reached), requantize(acc, factor, 15));
            }
        }
        QVERIFY(requantizationThresholds({0, 0}, 15).empty());
        QCOMPARE(requantize(1000, {0, 0}, 15), 0);
    }
};

QTEST_APPLESS_MAIN(TestRequantization)
#include "test_requantization.moc"
