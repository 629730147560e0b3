#include "core/observers/moving_average_observer.h"

namespace bitlathe::core {

Range MovingAverageObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    if (statistics.batchRanges.empty()) {
        return {statistics.minimum, statistics.maximum};
    }
    Range average = statistics.batchRanges.front();
    for (const Range& batch : statistics.batchRanges) {
        average.lower += m_averagingConstant * (batch.lower - average.lower);
        average.upper += m_averagingConstant * (batch.upper - average.upper);
    }
    return average;
}

}  // namespace bitlathe::core
