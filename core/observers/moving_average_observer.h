#pragma once

#include "core/observers/observer.h"

#include <optional>
#include <string_view>

namespace bitlathe::core {

/// One number's exponential moving average: value += c (newest - value), README eq. 7.
class MovingAverage {
public:
    enum class Start {
        First,  ///< the first number is taken as it is
        Zero,   ///< from 0: after n numbers only 1 - (1 - c)^n of the level is reached (MXNet's form)
    };
    MovingAverage(double weightOfNewest, Start start) : m_weight(weightOfNewest) {
        if (start == Start::Zero) {
            m_value = 0;
        }
    }
    /// Continues from a known value.
    MovingAverage(double weightOfNewest, double value) : m_weight(weightOfNewest), m_value(value) {}
    /// Returns the average with this number in it.
    double add(double newest) noexcept {
        m_value = m_value ? *m_value + m_weight * (newest - *m_value) : newest;
        return *m_value;
    }

private:
    double m_weight;
    std::optional<double> m_value;
};

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
    explicit MovingAverageObserver(double averagingConstant,
                                   MovingAverage::Start start = MovingAverage::Start::First)
        : m_averagingConstant(averagingConstant), m_start(start) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    double m_averagingConstant;
    MovingAverage::Start m_start;
};

}  // namespace bitlathe::core
