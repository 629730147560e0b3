#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// Exponential moving average of batch extrema (README eq. 7), replayed over the extrema calibration kept of
/// each batch.
///
///   lower += c * (min(batch) - lower)      upper += c * (max(batch) - upper)
///
/// The first batch sets the range as it is. Statistics without batches (a slice of the weights) give their
/// extrema. Errors  NotCalibrated: statistics are empty. Source  Jacob et al. 2018, arXiv:1712.05877,
/// section 3.1.
class MovingAverageObserver final : public Observer {
public:
    static constexpr std::string_view kName = "moving_average";

    /// averagingConstant  c in (0, 1], weight of the newest batch
    explicit MovingAverageObserver(double averagingConstant) : m_averagingConstant(averagingConstant) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    double m_averagingConstant;
};

}  // namespace bitlathe::core
