#include "core/observers/moving_average_observer.h"

namespace bitlathe::core {

Range MovingAverageObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    if (statistics.batchRanges.empty()) {
        return {statistics.minimum, statistics.maximum};
    }
    MovingAverage lower(m_averagingConstant, m_start);
    MovingAverage upper(m_averagingConstant, m_start);
    Range average;
    for (const Range& batch : statistics.batchRanges) {
        average = {lower.add(batch.lower), upper.add(batch.upper)};
    }
    return average;
}

}  // namespace bitlathe::core
