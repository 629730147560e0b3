#include "core/observers/min_max_observer.h"

namespace bitlathe::core {

Range MinMaxObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    return {statistics.minimum, statistics.maximum};
}

}  // namespace bitlathe::core
