#include "core/observers/mse_observer.h"

#include "core/analysis/quantization_error.h"
#include "core/observers/golden_section.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

/// Factors tried before refinement. The error over the clip is flat near its minimum and, at few bits,
/// ragged: a grid finds the right valley, golden section its bottom.
constexpr int kGridPoints = 48;
constexpr int kGoldenSteps = 14;

struct Candidate {
    double x = 1;
    double error = 0;
};

/// Least error(x) over x in [0, 1]: grid, then golden section between the neighbours of its best point.
template <typename Error>
Candidate minimise(const Error& error, Candidate best) {
    int bestIndex = kGridPoints;
    for (int i = 1; i < kGridPoints; ++i) {
        const double x = static_cast<double>(i) / kGridPoints;
        const double e = error(x);
        if (e < best.error) {
            best = {x, e};
            bestIndex = i;
        }
    }
    const double low = static_cast<double>(std::max(bestIndex - 1, 0)) / kGridPoints;
    const double high = static_cast<double>(std::min(bestIndex + 1, kGridPoints)) / kGridPoints;
    const GoldenSection found = goldenSection(error, low, high, kGoldenSteps);
    return found.bestValue < best.error ? Candidate{found.best, found.bestValue} : best;
}

}  // namespace

Range MseObserver::range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const {
    requireCalibrated(statistics, kName);
    const Range extrema{statistics.minimum, statistics.maximum};
    if (statistics.histogram.empty() || statistics.minimum == statistics.maximum || quantizer.fitsValues()) {
        return extrema;
    }
    // Grids hold zero: shrinking an end moves it towards zero, an end on the far side of zero is zero's own.
    const Range reach{std::min(extrema.lower, 0.0), std::max(extrema.upper, 0.0)};
    const auto error = [&](const Range& range) {
        return meanSquaredError(statistics.histogram, quantizer.qparams(range, bits));
    };
    Candidate best{1.0, error(extrema)};
    best = minimise([&](double x) { return error({x * reach.lower, x * reach.upper}); }, best);
    Range range = best.x == 1.0 ? extrema : Range{best.x * reach.lower, best.x * reach.upper};
    if (reach.lower == 0.0 || reach.upper == 0.0) {
        return range;  // one-sided: the joint search was the whole search
    }
    const double joint = best.error;
    Candidate upper = minimise(
        [&](double x) {
            return error({range.lower, x * reach.upper});
        },
        {range.upper / reach.upper, best.error});
    range.upper = upper.x * reach.upper;
    Candidate lower = minimise(
        [&](double x) {
            return error({x * reach.lower, range.upper});
        },
        {range.lower / reach.lower, upper.error});
    if (lower.error >= joint) {
        return best.x == 1.0 ? extrema : Range{best.x * reach.lower, best.x * reach.upper};
    }
    range.lower = lower.x * reach.lower;
    return range;
}

}  // namespace bitlathe::core
