#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// The extrema as they are: nothing is clipped, and one outlier sets the step.
/// Errors  NotCalibrated: statistics are empty.
/// Source  Jacob et al. 2018, arXiv:1712.05877, section 3.
class MinMaxObserver final : public Observer {
public:
    static constexpr std::string_view kName = "min_max";

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;
    bool needsOnlyExtrema() const noexcept override { return true; }
};

}  // namespace bitlathe::core
