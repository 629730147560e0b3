#include "core/observers/aciq_observer.h"
#include "core/observers/analytic_clip.h"
#include "core/observers/divergence_search.h"
#include "core/observers/entropy_observer.h"
#include "core/observers/k_std_observer.h"
#include "core/observers/prior_scale.h"
#include "core/observers/range_tracker.h"
#include "core/observers/sample_extrema.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"

#include <QtTest>

#include <cmath>
#include <random>
#include <vector>

using namespace bitlathe::core;

namespace {

const AffineQuantizer kAffine;

std::vector<float> laplace(std::size_t count, double scale, unsigned seed) {
    std::mt19937 generator(seed);
    std::exponential_distribution<double> exponential(1 / scale);
    std::vector<float> values(count);
    for (float& x : values) {
        x = static_cast<float>(generator() % 2 == 0 ? exponential(generator) : -exponential(generator));
    }
    return values;
}

SiteStatistics of(const std::vector<float>& values) {
    return collectStatistics(values, 1, 1, static_cast<std::int64_t>(values.size()));
}

}  // namespace

class TestAnalyticClip : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void lambert() {
        for (const double x : {1e-9, 0.1, 1.0, 2.718281828459045, 48.0, 1e6, 1e12}) {
            const double y = lambertW(x);
            QVERIFY(std::fabs(y * std::exp(y) - x) <= 1e-12 * x);
        }
        QCOMPARE(lambertW(0.0), 0.0);
        QCOMPARE(lambertW(-1.0), 0.0);
    }

    void clipsAreMinima_data() {
        QTest::addColumn<int>("prior");
        QTest::addColumn<double>("levels");
        for (const int prior : {0, 1}) {
            for (const double levels : {2.0, 4.0, 5.5, 16.0, 256.0, 65536.0}) {
                QTest::addRow("prior %d, %g levels", prior, levels) << prior << levels;
            }
        }
    }
    void clipsAreMinima() {
        QFETCH(int, prior);
        QFETCH(double, levels);
        const auto p = static_cast<ClipPrior>(prior);
        const double clip = optimalClip(p, levels, false);
        const double oneSided = optimalClip(p, levels, true);
        for (const double factor : {0.9, 0.98, 1.02, 1.1}) {
            QVERIFY(analyticClipError(p, clip, levels) <= analyticClipError(p, factor * clip, levels));
            QVERIFY(analyticClipErrorOneSided(p, oneSided, levels) <=
                    analyticClipErrorOneSided(p, factor * oneSided, levels));
        }
        if (levels == std::floor(levels) && levels <= 256) {
            const int whole = static_cast<int>(levels);
            const double real = optimalClip(p, levels, false, ClipModel::RealGrid);
            for (const double factor : {0.9, 0.98, 1.02, 1.1}) {
                QVERIFY(realGridError(p, real, whole, false) <=
                        realGridError(p, factor * real, whole, false) * (1 + 1e-9));
            }
        }
    }

    void priorsAreFittedToSamples() {
        const std::vector<float> x = laplace(400000, 0.7, 3);
        const PriorFit fit = fitPrior(of(x), ClipPrior::Laplace);
        QVERIFY(!fit.isOneSided);
        QVERIFY(std::fabs(fit.scale - 0.7) < 0.005);  // sampling noise 0.7 / sqrt(400000), and bins
        std::vector<float> rectified = x;
        for (float& v : rectified) {
            v = std::max(v, 0.0F);
        }
        const PriorFit half = fitPrior(of(rectified), ClipPrior::Laplace);
        QVERIFY(half.isOneSided);
        QVERIFY(std::fabs(half.scale - 0.7) < 0.005);
        const PriorFit gauss = fitPrior(of(x), ClipPrior::Gauss);
        QVERIFY(std::fabs(gauss.scale - 0.7 * std::sqrt(2.0)) < 0.01);
        QCOMPARE(meanDeviation(Histogram(), 0), 0.0);
    }

    void aciqIsNearTheOptimum() {
        const SiteStatistics statistics = of(laplace(400000, 1.0, 4));
        const Range range = AciqObserver().range(statistics, kAffine, BitWidth(4));
        QVERIFY(std::fabs(range.upper - 5.03) < 0.06 && std::fabs(range.lower + 5.03) < 0.06);
        // At 16 bits the clip lies beyond the data: the extrema remain.
        const Range wide = AciqObserver().range(statistics, kAffine, BitWidth(16));
        QVERIFY(wide.upper <= statistics.maximum && wide.lower >= statistics.minimum);
    }

    void kStd() {
        const std::vector<float> x{-1, 1, -1, 1};
        QCOMPARE(KStdObserver(0.5).range(of(x), kAffine, BitWidth(8)), (Range{-0.5, 0.5}));
        QCOMPARE(KStdObserver(5).range(of(x), kAffine, BitWidth(8)), (Range{-1, 1}));
    }

    void entropyClipsLongTails() {
        std::vector<float> x = laplace(200000, 1.0, 5);
        x.push_back(200.0F);
        const SiteStatistics statistics = of(x);
        for (const DivergenceForm form :
             {DivergenceForm::TensorRt, DivergenceForm::Interpolating, DivergenceForm::Ncnn}) {
            const Range range = EntropyObserver(form).range(statistics, kAffine, BitWidth(8));
            QVERIFY2(range.upper < 100.0 && range.upper > 2.0, qPrintable(QString::number(range.upper)));
            QVERIFY(range.lower >= statistics.minimum);
        }
    }

    void entropyIsSafeOnEmptyLowBins() {
        // Everything far from zero: the plain search returns the first filled bin.
        std::vector<float> x;
        for (int i = 0; i < 10000; ++i) {
            x.push_back(3.0F + static_cast<float>(i) * 1e-4F);
        }
        for (const DivergenceForm form :
             {DivergenceForm::TensorRt, DivergenceForm::Interpolating, DivergenceForm::Ncnn}) {
            const Range range = EntropyObserver(form).range(of(x), kAffine, BitWidth(8));
            QVERIFY(range.upper >= 3.9);
        }
        QVERIFY(
            divergenceCurve(std::vector<double>(10, 0.0), 4, DivergenceForm::TensorRt).divergence.empty());
        QCOMPARE(divergenceCurve(std::vector<double>{1, 2}, 4, DivergenceForm::TensorRt).best(),
                 std::size_t{2});
    }

    void outliersSpreadNothing() {
        // Eleven bins over [-1, 1], three groups. The slice of the middle nine has no value of its own in its
        // end bins; P counts the outliers there, but the groups' masses stay where the slice holds values.
        const std::vector<int> counts{1, 0, 2, 0, 1, 4, 1, 0, 2, 0, 1};
        std::vector<float> x{-1, 1};
        for (std::size_t i = 1; i + 1 < counts.size(); ++i) {
            x.insert(x.end(), static_cast<std::size_t>(counts[i]),
                     static_cast<float>((static_cast<double>(i) + 0.5) * 2 / 11 - 1));
        }
        const SymmetricThreshold found = symmetricDivergenceThreshold(x, 11, 3);
        // Zeros take 1e-4 each from the others in equal shares; the sums stay 12 and 10.
        const std::vector<double> pSlice{1, 2, 0, 1, 4, 1, 0, 2, 1};
        const std::vector<double> qSlice{0, 2, 0, 2, 2, 2, 0, 2, 0};
        const double fromP = 1e-4 * 2 / 7;
        const double fromQ = 1e-4 * 4 / 5;
        double expected = 0;
        for (std::size_t i = 0; i < pSlice.size(); ++i) {
            const double a = (pSlice[i] == 0 ? 1e-4 : pSlice[i] - fromP) / 12;
            const double b = (qSlice[i] == 0 ? 1e-4 : qSlice[i] - fromQ) / 10;
            expected += a * std::log(a / b);
        }
        QCOMPARE(found.divergences.size(), std::size_t{5});
        QVERIFY(std::fabs(found.divergences[3] - expected) < 1e-12);
        QVERIFY(std::fabs(found.thresholds[3] - 9.0 / 11) < 1e-12);
    }

    void trackersAndSampleExtrema() {
        RangeTracker tracker;
        tracker.update({-1, 2});
        QCOMPARE(tracker.range(), (Range{-1, 2}));
        tracker.update({-3, 4});
        QCOMPARE(tracker.range(), (Range{-3, 4}));
        tracker.update({-1, 2});
        QCOMPARE(tracker.range(), (Range{-2, 3}));
        QCOMPARE(meanSampleMagnitude(std::vector<float>{1, -4, 2, 0}, 2), 3.0);
        QCOMPARE(meanSampleMaximum(std::vector<float>{1, -4, 2, 0}, 2), 1.5);
        QCOMPARE(meanSampleMaximum({}, 0), 0.0);
        QCOMPARE(histogramExtrema(std::vector<float>{2, 2}, 1), (Range{2, 2}));
        QCOMPARE(histogramExtrema({}, 1), (Range{0, 0}));
        // What a diverging training hands over; the index of such a value would lie outside the histogram.
        for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
            for (const double percent : {0.0, 1.0}) {
                QVERIFY_EXCEPTION_THROWN(histogramExtrema(std::vector<float>{0, bad, 1}, percent), Error);
            }
        }
        QCOMPARE(histogramExtrema(std::vector<float>{-3e38F, 0, 3e38F}, 1),
                 (Range{static_cast<double>(-3e38F), static_cast<double>(3e38F)}));
    }

    void sharesAtThePercentileAreFloat() {
        // 0..5 and 178..255 once each, 100..177 twice. Six of 240 values are 2.5 percent, but six float32 shares of
        // 0.41666666 stay below it: the cut goes on to the next bin that holds something.
        std::vector<float> values{0, 1, 2, 3, 4, 5};
        for (int k = 0; k < 234; ++k) {
            values.push_back(static_cast<float>(100 + k % 156));
        }
        QCOMPARE(histogramExtrema(values, 2.5), (Range{99, 250}));
    }
};

QTEST_APPLESS_MAIN(TestAnalyticClip)
#include "test_analytic_clip.moc"
