#include "core/observers/power_of_two_observer.h"

#include "core/observers/percentile_observer.h"
#include "core/observers/range_tracker.h"
#include "core/quantizers/power_of_two_quantizer.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

Range PowerOfTwoObserver::range(const SiteStatistics& statistics, const Quantizer& quantizer,
                                BitWidth bits) const {
    requireCalibrated(statistics, kName);
    constexpr double kSmallestReach = 0x1p-16;
    Range base{statistics.minimum, statistics.maximum};
    if (m_base == Base::Running) {
        base = RangeTrackerObserver().range(statistics, quantizer, bits);
    } else if (m_base == Base::Histogram) {
        base = PercentileObserver(100.0 - m_percent).range(statistics, quantizer, bits);
    }
    const double reach = std::max({std::fabs(base.lower), std::fabs(base.upper), kSmallestReach});
    const double power = std::ldexp(1.0, ceilLog2(reach));
    return {statistics.minimum < 0.0 ? -power : 0.0, power};
}

}  // namespace bitlathe::core
