#include "core/observers/aciq_observer.h"

#include "core/observers/prior_scale.h"

#include <algorithm>

namespace bitlathe::core {

Range AciqObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth bits) const {
    requireCalibrated(statistics, kName);
    const PriorFit fit = fitPrior(statistics, m_prior);
    const double clip = fit.scale * optimalClip(m_prior, bits.levels(), fit.isOneSided, m_model);
    if (fit.isOneSided) {
        return {statistics.minimum, std::clamp(clip, statistics.minimum, statistics.maximum)};
    }
    return {std::clamp(fit.center - clip, statistics.minimum, statistics.maximum),
            std::clamp(fit.center + clip, statistics.minimum, statistics.maximum)};
}

}  // namespace bitlathe::core
