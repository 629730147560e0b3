// Gradients of the learned quantizers against finite differences, and what their definitions promise. (Values
// against the reference systems: tests/conform.)

#include "core/quantizers/binary.h"
#include "core/quantizers/clipped_activation.h"
#include "core/quantizers/clipped_weights.h"
#include "core/quantizers/codebook.h"
#include "core/quantizers/dorefa.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/learned_basis.h"
#include "core/quantizers/learned_clip.h"
#include "core/quantizers/learned_step.h"
#include "core/quantizers/learned_thresholds.h"
#include "core/quantizers/mid_tread.h"
#include "core/quantizers/weight_normalisation.h"
#include "core/types/error.h"

#include <QtTest>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<float> gauss(std::size_t count, unsigned seed, float deviation = 1.0F) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0F, deviation);
    std::vector<float> values(count);
    for (float& x : values) {
        x = normal(generator);
    }
    return values;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
}

/// d/dp of <g, f(p)> by central differences.
double slope(const std::function<std::vector<float>(double)>& f, const std::vector<float>& g, double p,
             double h) {
    return (dot(g, f(p + h)) - dot(g, f(p - h))) / (2 * h);
}

}  // namespace

class TestLearnedQuantizers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void clippedActivationByHand() {
        ClippedActivation grid{2.0F, 4, Rounding::HalfEven, ClippedActivation::Mask::HalfOpen};
        const std::vector<float> x{-1.0F, 0.0F, 0.3F, 0.76F, 1.9F, 2.0F, 5.0F, kNan, kInf};
        std::vector<float> y(x.size());
        clippedActivation(x, y, grid);
        QCOMPARE(y, (std::vector<float>{0, 0, 0.5F, 1.0F, 2, 2, 2, 0, 2}));
        const std::vector<float> g(x.size(), 1.0F);
        std::vector<float> dx(x.size());
        // The clip gathers what lies on or beyond it: 2, 5 and infinity.
        QCOMPARE(clippedActivationBackward(x, g, dx, grid), 3.0);
        QCOMPARE(dx, (std::vector<float>{0, 1, 1, 1, 1, 0, 0, 0, 0}));
        grid.mask = ClippedActivation::Mask::Open;
        clippedActivationBackward(x, g, dx, grid);
        QCOMPARE(dx, (std::vector<float>{0, 0, 1, 1, 1, 0, 0, 0, 0}));
        grid.mask = ClippedActivation::Mask::Closed;
        clippedActivationBackward(x, g, dx, grid);
        QCOMPARE(dx, (std::vector<float>{0, 1, 1, 1, 1, 1, 0, 0, 0}));
        grid.rounding = Rounding::Floor;
        clippedActivation(x, y, grid);
        QCOMPARE(y, (std::vector<float>{0, 0, 0, 0.5F, 1.5F, 2, 2, 0, 2}));
    }

    void collapsedParametersAreRefused() {
        const std::vector<float> x{1, 2};
        std::vector<float> y(2);
        for (const float bad : {0.0F, -1.0F, kNan, kInf}) {
            QVERIFY_EXCEPTION_THROWN(clippedActivation(x, y, {bad, 3}), Error);
            QVERIFY_EXCEPTION_THROWN(learnedStep(x, y, {bad, 0, 0, 3}), Error);
        }
        QVERIFY_EXCEPTION_THROWN(clippedActivation(x, y, {1.0F, 0}), Error);
        QVERIFY_EXCEPTION_THROWN(learnedClip(x, y, {0.0F, 4, false}), Error);
        QVERIFY_EXCEPTION_THROWN(learnedClip(x, y, {1.0F, 1, false}), Error);
        QVERIFY_EXCEPTION_THROWN(learnedThresholds(x, y, {{1.0, 0.0}, true}), Error);
        QVERIFY_EXCEPTION_THROWN(learnedThresholds(x, y, {{1.0}, false}), Error);
        QVERIFY_EXCEPTION_THROWN(basisLevels(std::vector<double>{}, true), Error);
        QVERIFY_EXCEPTION_THROWN(basisLevels(std::vector<double>{1, std::nan("")}, true), Error);
        QVERIFY_EXCEPTION_THROWN(optimalCodebook(x, 0), Error);
    }

    void stepGradientMatchesDifferences() {
        // With the codes fixed, x̂ = q s + offset is linear in both parameters: straight-through differences
        // of the straight-through surrogate s * (round(v) - v)_stopped + x inside, s * limit outside.
        const std::vector<float> x = gauss(500, 1);
        const std::vector<float> g = gauss(500, 2);
        const LearnedStep grid{0.3F, 0.05F, -4, 3};
        std::vector<float> codes(x.size());
        learnedStep(x, codes, grid);
        const auto surrogate = [&](double step, double offset) {
            std::vector<float> y(x.size());
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double v0 = (x[i] - grid.offset) / static_cast<double>(grid.step);
                const double rest = std::nearbyint(static_cast<double>(static_cast<float>(v0))) - v0;
                if (v0 <= grid.quantMin || v0 >= grid.quantMax) {
                    y[i] = static_cast<float>((v0 <= grid.quantMin ? grid.quantMin : grid.quantMax) * step +
                                              offset);
                } else {
                    y[i] = static_cast<float>(x[i] + rest * step);
                }
            }
            return y;
        };
        std::vector<float> dx(x.size());
        const LearnedStepGradient gradient = learnedStepBackward(x, g, dx, grid);
        const double h = 1e-3;  // float32 outputs: differences are good to 1e-4 relative
        const double ds = slope([&](double s) { return surrogate(s, grid.offset); }, g, grid.step, h);
        const double db = slope([&](double b) { return surrogate(grid.step, b); }, g, grid.offset, h);
        QVERIFY(std::fabs(gradient.step - ds) < 1e-2 * (1 + std::fabs(ds)));
        QVERIFY(std::fabs(gradient.offset - db) < 1e-2 * (1 + std::fabs(db)));
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double v = (x[i] - grid.offset) / static_cast<double>(grid.step);
            QCOMPARE(dx[i], v > grid.quantMin && v < grid.quantMax ? g[i] : 0.0F);
        }
        const LearnedStepGradient scaled = learnedStepBackward(x, g, dx, grid, 0.5);
        QCOMPARE(scaled.step, 0.5 * gradient.step);
        QCOMPARE(scaled.offset, 0.5 * gradient.offset);
    }

    void stepIsTheUniformGrid() {
        const std::vector<float> x = gauss(300, 3);
        QParams q;
        q.scale = {0.25F};
        q.zeroPoint = {0};
        q.quantMin = -8;
        q.quantMax = 7;
        std::vector<float> a(x.size());
        std::vector<float> b(x.size());
        fakeQuantize(x, a, q);
        learnedStep(x, b, {0.25F, 0.0F, -8, 7});
        QCOMPARE(a, b);
        QCOMPARE(lsqInitialStep(0.0, 7), std::numeric_limits<float>::min());
        QCOMPARE(lsqInitialStep(1.0, 4), 1.0F);
        QCOMPARE(lsqPlusInitialStep(0.5, 0.5, 3), 0.5F);
        QCOMPARE(lsqGradientScale(25, 4), 0.1);
    }

    void clipGradientMatchesDifferences_data() {
        QTest::addColumn<bool>("isHalfWave");
        QTest::addColumn<int>("levels");
        for (const int levels : {2, 3, 4, 5, 16, 256}) {
            QTest::addRow("half %d", levels) << true << levels;
            QTest::addRow("full %d", levels) << false << levels;
        }
    }
    void clipGradientMatchesDifferences() {
        QFETCH(bool, isHalfWave);
        QFETCH(int, levels);
        const std::vector<float> x = gauss(400, 4);
        const std::vector<float> g = gauss(400, 5);
        const LearnedClip grid{0.9F, levels, isHalfWave};
        std::vector<float> y(x.size());
        std::vector<float> dx(x.size());
        learnedClip(x, y, grid);
        const double clip = grid.clip;
        const auto surrogate = [&](double a) {
            std::vector<float> out(x.size());
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double r0 = x[i] / clip;
                const double q = y[i] / clip;
                const bool isInside = r0 >= (isHalfWave ? 0.0 : -1.0) && r0 <= 1.0;
                out[i] = static_cast<float>(isInside ? x[i] + a * (q - r0) : a * q);
            }
            return out;
        };
        const double expected = slope(surrogate, g, clip, 1e-2);
        QVERIFY(std::fabs(learnedClipBackward(x, g, dx, grid) - expected) < 1e-3 * (1 + std::fabs(expected)));
        QCOMPARE(learnedClipBackward(x, g, dx, {-0.9F, levels, isHalfWave}),
                 -learnedClipBackward(x, g, dx, grid));
        // Idempotent: levels stay where they are.
        std::vector<float> again(y.size());
        learnedClip(y, again, grid);
        for (std::size_t i = 0; i < y.size(); ++i) {
            QVERIFY(std::fabs(again[i] - y[i]) <= 1e-6F);
        }
    }

    void dorefaGradientMatchesDifferences() {
        std::vector<float> w = gauss(40, 6);
        // The largest magnitude twice: each of the two has half the gradient of the maximum, and a central
        // difference sees just that, because only one of its two sides moves the maximum.
        const auto extreme = std::max_element(w.begin(), w.end(),
                                              [](float a, float b) { return std::fabs(a) < std::fabs(b); });
        w.push_back(-*extreme);
        const std::vector<float> g = gauss(41, 7);
        std::vector<float> dw(w.size());
        dorefaWeightsBackward(w, g, dw);
        // The surrogate without rounding: tanh(w) / max|tanh|.
        const auto smooth = [](const std::vector<double>& values) {
            double largest = 0;
            for (const double v : values) {
                largest = std::max(largest, std::fabs(std::tanh(v)));
            }
            std::vector<double> out;
            for (const double v : values) {
                out.push_back(std::tanh(v) / largest);
            }
            return out;
        };
        for (std::size_t i = 0; i < w.size(); ++i) {
            std::vector<double> up(w.begin(), w.end());
            std::vector<double> down = up;
            up[i] += 1e-5;
            down[i] -= 1e-5;
            const std::vector<double> a = smooth(up);
            const std::vector<double> b = smooth(down);
            double expected = 0;
            for (std::size_t k = 0; k < w.size(); ++k) {
                expected += g[k] * (a[k] - b[k]) / 2e-5;
            }
            QVERIFY(std::fabs(dw[i] - expected) < 1e-4 * (1 + std::fabs(expected)));
        }
        const std::vector<float> zeros(5, 0.0F);
        std::vector<float> y(5, 1.0F);
        dorefaWeights(zeros, y, 4);
        QCOMPARE(y, zeros);
        dorefaWeightsBackward(zeros, std::vector<float>(5, 1.0F), y);
        QCOMPARE(y, zeros);
    }

    void signsAndTheirGradients() {
        const std::vector<float> x{-2, -0.5F, 0, 0.25F, 1, kNan};
        std::vector<float> y(x.size());
        binarise(x, y, 0.5F);
        QCOMPARE(y, (std::vector<float>{-0.5F, -0.5F, 0.5F, 0.5F, 0.5F, 0.5F}));
        const std::vector<float> g(x.size(), 2.0F);
        binariseBackward(std::vector<float>(x.begin(), x.end() - 1), {g.data(), 5}, {y.data(), 5},
                         SignGradient::Triangle);
        QCOMPARE((std::vector<float>{y.begin(), y.begin() + 5}), (std::vector<float>{0, 2, 4, 3, 0}));
        binariseBackward(std::vector<float>(x.begin(), x.end() - 1), {g.data(), 5}, {y.data(), 5},
                         SignGradient::Clipped);
        QCOMPARE((std::vector<float>{y.begin(), y.begin() + 5}), (std::vector<float>{0, 2, 2, 2, 0}));
        QCOMPARE(meanMagnitude(std::vector<float>{-1, 3}), 2.0);
        QCOMPARE(meanMagnitude({}), 0.0);
    }

    void basisLevelsAndTheirUpdate() {
        const std::vector<double> basis{1.0, 2.0};
        const BasisLevels half = basisLevels(basis, true);
        QCOMPARE(half.levels, (std::vector<double>{0, 1, 2, 3}));
        QCOMPARE(half.thresholds, (std::vector<double>{0.5, 1.5, 2.5}));
        QCOMPARE(basisLevels(basis, false).levels, (std::vector<double>{-3, -1, 1, 3}));
        // A value on a threshold takes the lower level.
        std::vector<float> y(2);
        quantizeToBasis(std::vector<float>{0.5F, 0.51F}, y, {}, half);
        QCOMPARE(y, (std::vector<float>{0, 1}));
        // The update never raises the error on the codes it was fitted to.
        const std::vector<float> x = gauss(1000, 8);
        std::vector<double> v{0.3, 0.9, 0.2};
        double previous = 1e300;
        for (int step = 0; step < 10; ++step) {
            const BasisLevels levels = basisLevels(v, false);
            std::vector<float> out(x.size());
            std::vector<std::uint32_t> indices(x.size());
            quantizeToBasis(x, out, indices, levels);
            double error = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                error += (x[i] - out[i]) * (x[i] - out[i]);
            }
            QVERIFY(error <= previous * (1 + 1e-6));
            previous = error;
            v = leastSquaresBasis(x, indices, levels, v, false);
        }
        // Two equal columns: singular without the ridge, finite with it.
        const BasisLevels twin = basisLevels(std::vector<double>{1, 1}, true);
        std::vector<std::uint32_t> indices(x.size());
        std::vector<float> out(x.size());
        quantizeToBasis(x, out, indices, twin);
        for (const double b : leastSquaresBasis(x, indices, twin, std::vector<double>{1, 1}, true)) {
            QVERIFY(std::isfinite(b));
        }
    }

    void thresholdGradientMatchesDifferences() {
        const std::vector<float> x = gauss(300, 9);
        const std::vector<float> g = gauss(300, 10);
        const LearnedThresholds steps{{1.5, 2.5, 0.8}, true};
        std::vector<float> dx(x.size());
        const std::vector<double> gradient = learnedThresholdsBackward(x, g, dx, steps);
        for (std::size_t i = 0; i < steps.slopes.size(); ++i) {
            // Surrogate: the sum of clamps without rounding.
            const auto smooth = [&](double a) {
                std::vector<float> out(x.size());
                std::vector<double> slopes = steps.slopes;
                slopes[i] = a;
                for (std::size_t k = 0; k < x.size(); ++k) {
                    double offset = 0;
                    double sum = 0;
                    for (const double s : slopes) {
                        sum += std::clamp((x[k] - offset) * s, 0.0, 1.0);
                        offset += 1 / s;
                    }
                    out[k] = static_cast<float>(sum);
                }
                return out;
            };
            const double expected = slope(smooth, g, steps.slopes[i], 1e-3);
            // Values that cross a clamp's end within h add up to h times their gradient.
            QVERIFY2(std::fabs(gradient[i] - expected) < 0.05 * (1 + std::fabs(expected)),
                     qPrintable(QString("%1 against %2").arg(gradient[i]).arg(expected)));
        }
        std::vector<float> codes(x.size());
        learnedThresholds(x, codes, steps);
        QVERIFY(std::all_of(codes.begin(), codes.end(),
                            [](float c) { return c >= 0 && c <= 3 && c == std::floor(c); }));
        QCOMPARE(closedFormScale(std::vector<float>{0, 0}, std::vector<float>{1, 3}), 2.0);
    }

    void codebookIsOptimal() {
        // Against every way to cut 9 sorted values into 3 runs.
        std::vector<float> x = gauss(9, 11);
        std::sort(x.begin(), x.end());
        const auto cost = [&](std::size_t a, std::size_t b) {
            double mean = 0;
            for (std::size_t i = a; i < b; ++i) {
                mean += x[i] / static_cast<double>(b - a);
            }
            double sum = 0;
            for (std::size_t i = a; i < b; ++i) {
                sum += (x[i] - mean) * (x[i] - mean);
            }
            return sum;
        };
        double best = 1e300;
        for (std::size_t a = 1; a < 8; ++a) {
            for (std::size_t b = a + 1; b < 9; ++b) {
                best = std::min(best, cost(0, a) + cost(a, b) + cost(b, 9));
            }
        }
        const Codebook codebook = optimalCodebook(x, 3);
        QVERIFY(std::fabs(codebook.inertia - best) < 1e-9);
        QCOMPARE(codebook.levels.size(), std::size_t{3});
        // Never worse than Lloyd from anywhere, and monotone in the number of levels.
        const std::vector<float> many = gauss(2000, 12);
        double previous = 1e300;
        for (const int levels : {1, 2, 4, 8, 16, 64}) {
            const Codebook optimum = optimalCodebook(many, levels);
            QVERIFY(optimum.inertia <= previous);
            QVERIFY(std::is_sorted(optimum.levels.begin(), optimum.levels.end()));
            previous = optimum.inertia;
            std::vector<double> start(many.begin(), many.begin() + levels);
            QVERIFY(optimum.inertia <= lloydCodebook(many, start).inertia * (1 + 1e-9));
        }
        // Levels without values take those farthest from theirs: here 10 and 9.
        QCOMPARE(lloydCodebook(std::vector<float>{0, 1, 9, 10}, {0, 100, 200}).levels,
                 (std::vector<double>{0.5, 9, 10}));
        QCOMPARE(optimalCodebook(std::vector<float>{1, 1, 2}, 8).levels, (std::vector<double>{1, 2}));
        QVERIFY(optimalCodebook(std::vector<float>(), 4).levels.empty());
        QVERIFY_EXCEPTION_THROWN(optimalCodebook(std::vector<float>{1, kNan}, 2), Error);
    }

    void clippedWeightsFollowTheData() {
        const std::vector<float> w{-3, -1, 0.5F, 2, 9};
        const QParams grid = clippedWeightGrid(w, {-2, 4}, 4);
        QCOMPARE(grid, clippedWeightGrid(std::vector<float>{-2, -1, 0.5F, 2, 4}, {-50, 50}, 4));
        std::vector<float> dw(w.size());
        const ThresholdGradient gradient =
            clippedWeightsBackward(w, std::vector<float>{1, 2, 3, 4, 5}, dw, {-2, 4});
        QCOMPARE(dw, (std::vector<float>{0, 2, 3, 4, 0}));
        QCOMPARE(gradient.lower, 1.0);
        QCOMPARE(gradient.upper, 5.0);
        // A lower threshold above zero counts as zero, backwards as forwards: 0.5 lies within.
        clippedWeightsBackward(w, std::vector<float>{1, 2, 3, 4, 5}, dw, {1, 4});
        QCOMPARE(dw, (std::vector<float>{0, 0, 3, 4, 0}));
        const Range constant = projectedThresholds(std::vector<float>(6, 0.5F), 4);
        QCOMPARE(constant, (Range{0, 0.5}));
        QCOMPARE(projectedThresholds({}, 4), (Range{0, 0}));
    }

    void anchoredGridsHoldTheirEnds() {
        // -1.5 / (3 / 255) is -127.5 in float, a tie to the even -128, though a hair above it in double.
        const QParams tie = anchoredGrid({-1.5, 1.5}, 8);
        std::vector<std::int32_t> codes(2);
        quantize(std::vector<float>{-1.5F, 1.5F}, codes, tie);
        QCOMPARE(codes[0] - tie.zeroPoint[0], -128);
        QCOMPARE(codes[1] - tie.zeroPoint[0], 127);  // 128 would be the 257th code
        // A constant tensor: a range of zero counts as one.
        const QParams constant = anchoredGrid({0.25, 0.25}, 8);
        std::vector<float> x{0.25F};
        fakeQuantize(x, x, constant);
        QCOMPARE(constant.scale[0], 1.0F / 255.0F);
        QCOMPARE(x[0], 64.0F * (1.0F / 255.0F));
        // All weights beyond one threshold: the grid still clips them to it.
        std::vector<float> beyond{0.75F, 0.9F};
        fakeQuantize(beyond, beyond, clippedWeightGrid(beyond, {-1, 0.5}, 2));
        QCOMPARE(beyond, (std::vector<float>{2.0F / 3.0F, 2.0F / 3.0F}));
    }

    void givenClipsDivideOnce() {
        // 6 / 31 times float32(31 / 6) is a hair below one step, times float32(float32(1 / 6) * 31) a whole one.
        const std::vector<float> x{6.0F / 31.0F, 3.0F};
        std::vector<float> given(x.size());
        std::vector<float> learned(x.size());
        clippedActivation(x, given, {6.0F, 31, Rounding::Floor, ClippedActivation::Mask::Closed});
        clippedActivation(x, learned, {6.0F, 31, Rounding::Floor, ClippedActivation::Mask::Open});
        QCOMPARE(given[0], 0.0F);
        QCOMPARE(learned[0], 1.0F / (1.0F / 6.0F * 31.0F));
        QCOMPARE(given[1], 15.0F / (31.0F / 6.0F));
    }

    void standardisingIsUndone() {
        const std::vector<float> w = gauss(200, 13, 0.2F);
        const WeightMoments moments = weightMoments(w);
        std::vector<float> z(w.size());
        standardise(w, z, moments);
        const WeightMoments unit = weightMoments(z);
        QVERIFY(std::fabs(unit.mean) < 1e-6 && std::fabs(unit.deviation - 1) < 1e-6);
        destandardise(z, z, moments);
        for (std::size_t i = 0; i < w.size(); ++i) {
            QVERIFY(std::fabs(z[i] - w[i]) < 1e-6F);
        }
        std::vector<float> constant(4, 3.0F);
        standardise(constant, constant, weightMoments(constant));
        QCOMPARE(constant, std::vector<float>(4, 0.0F));
    }

    void midTreadHasZero() {
        std::vector<float> y(3);
        midTread(std::vector<float>{-0.1F, 0.0F, 0.6F}, y, midTreadForRange(-1, 1, 2));
        QCOMPARE(y, (std::vector<float>{0, 0, 1}));
        midTread(std::vector<float>{-0.1F, 0.0F, 0.6F}, y, midTreadForRange(-1, 1, 0));
        QCOMPARE(y, (std::vector<float>{0, 0, 0}));
        // Activations without bins are their mean; behind a ReLU 0.
        for (const bool isOneSided : {false, true}) {
            midTread(std::vector<float>{-0.1F, 0.0F, 0.6F}, y,
                     midTreadForLaplace(0.25, 0.1, 0, isOneSided, 0));
            QCOMPARE(y, std::vector<float>(3, isOneSided ? 0.0F : 0.25F));
        }
    }

    void clampGradientIsClosed() {
        std::vector<float> dx(4);
        clampBackward(std::vector<float>{-1, 1, 1.01F, kNan}, std::vector<float>(4, 1.0F), dx, -1, 1);
        QCOMPARE(dx, (std::vector<float>{1, 1, 0, 0}));
    }
};

QTEST_APPLESS_MAIN(TestLearnedQuantizers)
#include "test_learned_quantizers.moc"
