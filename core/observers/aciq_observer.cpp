#include "core/observers/aciq_observer.h"

#include "core/observers/prior_scale.h"

#include <algorithm>

namespace bitlathe::core {

Range AciqObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth bits) const {
    requireCalibrated(statistics, kName);
    const bool isRectified = statistics.minimum >= 0.0;
    const bool isOneSided = m_sides == Sides::One || (m_sides == Sides::Auto && isRectified);
    const PriorFit fit =
        isOneSided && isRectified ? fitPrior(statistics, m_prior) : fitTwoSidedPrior(statistics, m_prior);
    const double clip = fit.scale * optimalClip(m_prior, bits.levels(), isOneSided, m_model);
    const auto within = [&](double x) { return std::clamp(x, statistics.minimum, statistics.maximum); };
    if (!isOneSided) {
        return {within(fit.center - clip), within(fit.center + clip)};
    }
    if (isRectified) {
        return {statistics.minimum, within(clip)};
    }
    const double upper = within(std::max(fit.center, 0.0) + clip);
    return {std::min(0.0, upper), upper};
}

}  // namespace bitlathe::core
