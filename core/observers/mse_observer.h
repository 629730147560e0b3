#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// The range whose grid loses least: minimises the mean squared error (README eq. 5) of the very quantizer
/// and bits the site has.
///
/// Search over the histogram: both ends shrunk together on a grid of factors, then each end by itself, each
/// time refined by golden section around the best point; the extrema themselves are always a candidate, so
/// the result is never worse than min_max. A few hundred evaluations of some microseconds each. Statistics
/// without a histogram give their extrema, and so does a quantizer whose levels follow the values. Errors  NotCalibrated: statistics are empty. What the quantizer
/// throws for the bits. Source  Sung et al. 2015, arXiv:1511.06488 (L2 error minimisation); Choukroun et al.
/// 2019, arXiv:1902.06822 (MMSE).
class MseObserver final : public Observer {
public:
    static constexpr std::string_view kName = "mse";

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;
};

}  // namespace bitlathe::core
