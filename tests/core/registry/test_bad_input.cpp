// README "Bad input", over every registered quantizer and observer, through the way a plan goes.

#include "core/plan/quant_plan.h"
#include "core/quantizers/fake_quantize.h"
#include "core/registry/registry.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
const SiteId kWeight{LayerId("fc"), SiteKind::Weight};
const SiteId kOutput{LayerId("fc"), SiteKind::Output};

SiteQuant quantOf(const std::string& quantizer, const std::string& observer, int bits,
                  const Granularity& granularity) {
    SiteQuant quant;
    quant.bits = BitWidth(bits);
    quant.quantizer = {quantizer, {}};
    quant.observer = {observer, {}};
    quant.granularity = granularity;
    return quant;
}

/// The first width the quantizer has for this weight.
std::optional<QParams> resolved(const FloatTensor& weights, const std::string& quantizer,
                                const std::string& observer, const Granularity& granularity) {
    for (const int bits : {4, 2, 1}) {
        try {
            return resolveSite(nullptr, weights, kWeight, quantOf(quantizer, observer, bits, granularity),
                               nullptr);
        } catch (const Error& error) {
            if (!QString(error.what()).contains("bit")) {
                throw;
            }
        }
    }
    return std::nullopt;
}

std::vector<Granularity> granularities() {
    return {{Granularity::Kind::Tensor, 0}, {Granularity::Kind::Channel, 0}, {Granularity::Kind::Group, 2}};
}

}  // namespace

class TestBadInput : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void notFinite() {
        for (const float bad : {kNan, kInf, -kInf}) {
            const FloatTensor weights({4, 2}, {1, 2, 3, bad, 5, 6, 7, 8});
            for (const MethodInfo& quantizer : quantizerRegistry().list()) {
                for (const MethodInfo& observer : observerRegistry().list()) {
                    for (const Granularity& granularity : granularities()) {
                        try {
                            resolved(weights, quantizer.name, observer.name, granularity);
                            QFAIL(qPrintable(QString("%1, %2 took it")
                                                 .arg(quantizer.name.c_str(), observer.name.c_str())));
                        } catch (const Error& error) {
                            QCOMPARE(error.code(), ErrorCode::NonFiniteInput);
                            QVERIFY2(QString(error.what()).startsWith("weights of 'fc'"), error.what());
                        }
                    }
                }
            }
        }
    }

    void constantsZerosAndSingleValues() {
        const std::vector<FloatTensor> tensors{
            {{4, 3}, std::vector<float>(12, 0.0F)},
            {{4, 3}, std::vector<float>(12, -0.7F)},
            {{4, 1}, {0.5F, 0, -2, 1e-30F}},
            {{4, 3}, {0, 0, 0, 1, 1, 1, -1, -1, -1, 0, 1, -1}},
            {{4}, {1, 2, 3, 4}},
        };
        for (const FloatTensor& weights : tensors) {
            const std::int64_t inner = weights.size() / 4;
            const bool isZero = std::all_of(weights.values().begin(), weights.values().end(),
                                            [](float w) { return w == 0.0F; });
            for (const MethodInfo& quantizer : quantizerRegistry().list()) {
                for (const Granularity& granularity : granularities()) {
                    const auto grid = resolved(weights, quantizer.name, "min_max", granularity);
                    if (!grid) {
                        continue;  // no width for such a tensor (one that needs a sign, one that has none)
                    }
                    std::vector<float> out(weights.values().size());
                    fakeQuantizeTensor(weights.values(), out, *grid, 1, 4, inner);
                    for (const float y : out) {
                        QVERIFY(std::isfinite(y));
                        QVERIFY2(!isZero || y == 0.0F, quantizer.name.c_str());
                    }
                }
            }
        }
    }

    void notFiniteWhileQuantizing() {
        const FloatTensor weights({4, 2}, {1, -2, 3, -4, 0.5F, -6, 7, -8});
        for (const MethodInfo& quantizer : quantizerRegistry().list()) {
            const auto grid = resolved(weights, quantizer.name, "min_max", {});
            QVERIFY2(grid, quantizer.name.c_str());
            const std::vector<float> x{kNan, kInf, -kInf, 0};
            std::vector<float> y(4);
            std::vector<std::int32_t> codes(4);
            fakeQuantize(x, y, *grid);
            quantize(x, codes, *grid);
            QVERIFY2(y[0] == y[3] && codes[0] == codes[3], quantizer.name.c_str());
            // Level tables may have a code or two that no value takes.
            const auto [lowest, highest] = std::minmax_element(codes.begin(), codes.end());
            QVERIFY2(codes[1] == *highest && codes[2] == *lowest && codes[2] < codes[1],
                     quantizer.name.c_str());
            QCOMPARE(y[1], static_cast<float>(grid->value(codes[1])));
            QCOMPARE(y[2], static_cast<float>(grid->value(codes[2])));
            std::vector<float> gradient(4, 1.0F);
            fakeQuantizeBackward(x, gradient, gradient, *grid);
            QVERIFY2(gradient[0] == 0.0F, quantizer.name.c_str());
            fakeQuantize({}, {}, *grid);
            quantize({}, {}, *grid);
            QVERIFY_EXCEPTION_THROWN(fakeQuantize(x, std::span(y).first(3), *grid), Error);
        }
    }

    void scalesThatAreNotAsManyAsChannels() {
        const FloatTensor weights({4, 2}, {1, -2, 3, -4, 0.5F, -6, 7, -8});
        for (const MethodInfo& quantizer : quantizerRegistry().list()) {
            const auto grid = resolved(weights, quantizer.name, "min_max", {Granularity::Kind::Channel, 0});
            QVERIFY2(grid && grid->slices() == 4, quantizer.name.c_str());
            std::vector<float> values(6);
            try {
                fakeQuantizeTensor(values, values, *grid, 1, 3, 2);
                QFAIL("took three channels for four scales");
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::ShapeMismatch);
            }
        }
    }

    void nothingToQuantize() {
        for (const MethodInfo& quantizer : quantizerRegistry().list()) {
            const SiteQuant quant = quantOf(quantizer.name, "min_max", 4, {});
            QVERIFY_EXCEPTION_THROWN(resolveSite(nullptr, {}, kWeight, quant, nullptr), Error);
            QVERIFY_EXCEPTION_THROWN(resolveSite(nullptr, {}, kOutput, quant, nullptr), Error);
            const SiteStatistics empty;
            try {
                resolveSite(nullptr, {}, kOutput, quant, &empty);
                QFAIL("took empty statistics");
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::NotCalibrated);
            }
        }
    }

    void widthsGroupsAndAxes() {
        QVERIFY_EXCEPTION_THROWN(BitWidth(0), Error);
        QVERIFY_EXCEPTION_THROWN(BitWidth(17), Error);
        const FloatTensor weights({4, 2}, {1, -2, 3, -4, 5, -6, 7, -8});
        for (const MethodInfo& quantizer : quantizerRegistry().list()) {
            try {
                resolveSite(nullptr, weights, kWeight,
                            quantOf(quantizer.name, "min_max", 1, {Granularity::Kind::Group, 3}), nullptr);
                QFAIL("took groups that do not divide");
            } catch (const Error& error) {
                QCOMPARE(error.code(), ErrorCode::InvalidConfig);
                QVERIFY2(QString(error.what()).contains("groups of 3 channels do not divide"), error.what());
            }
            for (int bits = 1; bits <= 16; ++bits) {
                try {
                    resolveSite(nullptr, weights, kWeight, quantOf(quantizer.name, "min_max", bits, {}),
                                nullptr);
                } catch (const Error& error) {
                    // A width it does not have: the message says whose and what to do.
                    QCOMPARE(error.code(), ErrorCode::InvalidConfig);
                    QVERIFY2(QString(error.what()).contains("quantizer '") &&
                                 QString(error.what()).contains("bit"),
                             error.what());
                }
            }
        }
    }

    void axisThatIsNotThere() {
        // An activation without channels has no axis to go along.
        SiteStatistics flat = collectStatistics(std::vector<float>{1, 2}, 1, 1, 2);
        flat.channelRanges.clear();
        for (const MethodInfo& quantizer : quantizerRegistry().list()) {
            for (const MethodInfo& observer : observerRegistry().list()) {
                try {
                    resolveSite(nullptr, {}, kOutput,
                                quantOf(quantizer.name, observer.name, 4, {Granularity::Kind::Channel, 0}),
                                &flat);
                    QFAIL("took one scale a channel without channels");
                } catch (const Error& error) {
                    QCOMPARE(error.code(), ErrorCode::InvalidConfig);
                    QVERIFY2(QString(error.what()).startsWith("output of 'fc'"), error.what());
                }
            }
        }
    }

    void everyObserverServesActivationsPerChannel() {
        std::vector<float> values;
        for (int i = 0; i < 2400; ++i) {
            // Three channels of another size each, in two blocks.
            const int channel = i / 400 % 3;
            values.push_back(static_cast<float>(std::sin(i * 0.37) * (channel + 1)));
        }
        const SiteStatistics statistics = collectStatistics(values, 2, 3, 400);
        for (const MethodInfo& observer : observerRegistry().list()) {
            const QParams grid = resolveSite(
                nullptr, {}, kOutput, quantOf("symmetric", observer.name, 4, {Granularity::Kind::Channel, 0}),
                &statistics);
            QCOMPARE(grid.slices(), std::size_t{3});
            // Three times the values, three times the step, but for the histograms' resolution (256 bins a channel) and
            // powers of two.
            const double ratio = static_cast<double>(grid.scale[2]) / static_cast<double>(grid.scale[0]);
            QVERIFY2(ratio > 1.9 && ratio < 4.1, observer.name.c_str());
            const QParams groups = resolveSite(
                nullptr, {}, kOutput, quantOf("symmetric", observer.name, 4, {Granularity::Kind::Group, 3}),
                &statistics);
            QCOMPARE(groups.scale[0], groups.scale[2]);
        }
    }
};

QTEST_APPLESS_MAIN(TestBadInput)
#include "test_bad_input.moc"
