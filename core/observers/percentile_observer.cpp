#include "core/observers/percentile_observer.h"

#include <algorithm>

namespace bitlathe::core {

double quantile(const Histogram& histogram, double share) {
    const double target = share * static_cast<double>(histogram.total());
    double below = 0;
    const std::vector<std::uint64_t>& counts = histogram.counts();
    bool zerosCounted = false;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        // Zero is a bin edge: its point mass comes before the first bin that starts at or above it.
        if (!zerosCounted && histogram.lowerEdge(k) >= 0.0) {
            zerosCounted = true;
            below += static_cast<double>(histogram.zeros());
            if (histogram.zeros() > 0 && below >= target) {
                return 0.0;
            }
        }
        const auto count = static_cast<double>(counts[k]);
        if (count > 0 && below + count >= target) {
            return histogram.lowerEdge(k) + histogram.binWidth() * std::max(0.0, target - below) / count;
        }
        below += count;
    }
    // Only zeros, zeros above every bin, or a rounding error in the last bin.
    return zerosCounted ? histogram.occupiedRange().upper : 0.0;
}

Range PercentileObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    const Range extrema{statistics.minimum, statistics.maximum};
    if (m_percentile >= 100.0 || statistics.histogram.empty()) {
        return extrema;
    }
    const double tail = 1.0 - m_percentile / 100.0;
    const double lower = std::clamp(quantile(statistics.histogram, tail), extrema.lower, extrema.upper);
    const double upper = std::clamp(quantile(statistics.histogram, 1.0 - tail), extrema.lower, extrema.upper);
    return {std::min(lower, upper), upper};
}

}  // namespace bitlathe::core
