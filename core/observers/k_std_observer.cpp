#include "core/observers/k_std_observer.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

Range KStdObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    const double reach = m_k * std::sqrt(statistics.variance());
    // The mean lies within the extrema but for the last digits of its sum.
    return {std::clamp(statistics.mean() - reach, statistics.minimum, statistics.maximum),
            std::clamp(statistics.mean() + reach, statistics.minimum, statistics.maximum)};
}

}  // namespace bitlathe::core
