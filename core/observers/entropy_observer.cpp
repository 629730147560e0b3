#include "core/observers/entropy_observer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bitlathe::core {

namespace {

constexpr double kLeastKept = 0.9;

/// Counts of magnitudes: bin -1-k of the absolute grid joins bin k.
std::vector<double> magnitudes(const Histogram& histogram) {
    const auto count = static_cast<std::int64_t>(histogram.counts().size());
    const std::int64_t last = histogram.firstBin() + count - 1;
    std::vector<double> result(static_cast<std::size_t>(std::max(last, -1 - histogram.firstBin()) + 1), 0.0);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t bin = histogram.firstBin() + i;
        result[static_cast<std::size_t>(bin >= 0 ? bin : -1 - bin)] +=
            static_cast<double>(histogram.counts()[static_cast<std::size_t>(i)]);
    }
    while (!result.empty() && result.back() == 0.0) {
        result.pop_back();
    }
    return result;
}

/// Fewest bins that keep the least share.
std::size_t leastBins(const std::vector<double>& counts) {
    const double enough = kLeastKept * std::accumulate(counts.begin(), counts.end(), 0.0);
    double kept = 0;
    std::size_t bins = 0;
    while (bins < counts.size() && kept < enough) {
        kept += counts[bins++];
    }
    return bins;
}

}  // namespace

Range EntropyObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth bits) const {
    requireCalibrated(statistics, kName);
    const std::vector<double> counts = magnitudes(statistics.histogram);
    if (counts.empty()) {
        return {statistics.minimum, statistics.maximum};
    }
    const bool isSigned = statistics.minimum < 0.0;
    const auto levels = static_cast<std::size_t>(isSigned ? std::max(bits.levels() / 2, 1) : bits.levels());
    DivergenceCurve curve = divergenceCurve(counts, levels, m_form);
    const std::size_t least = leastBins(counts);
    if (least > curve.firstCandidate) {
        const std::size_t dropped = std::min(least - curve.firstCandidate, curve.divergence.size());
        curve.divergence.erase(curve.divergence.begin(),
                               curve.divergence.begin() + static_cast<std::ptrdiff_t>(dropped));
        curve.firstCandidate = least;
    }
    const bool keepsAll = curve.divergence.empty() || curve.best() >= counts.size();
    const double reach = std::max(std::fabs(statistics.minimum), std::fabs(statistics.maximum));
    const double threshold =
        keepsAll ? reach
                 : std::min(reach, divergenceThreshold(curve.best(), statistics.histogram.binWidth()));
    return {std::max(statistics.minimum, -threshold), std::min(statistics.maximum, threshold)};
}

}  // namespace bitlathe::core
