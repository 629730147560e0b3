#pragma once

#include "core/train/learning_rate_schedule.h"

#include <cstdint>

namespace bitlathe::core {

/// Learning rate that rises and falls once (Smith and Topin 2018, arXiv:1708.07120), cosine on both sides:
///
///   step in [0, p]:       from max / startDivisor to max                  p = riseShare * steps - 1
///   step in [p, steps-1]: from max to max / (startDivisor endDivisor)
///
/// The defaults are those of torch.optim.lr_scheduler.OneCycleLR; momentum stays where it is. A cycle of a few
/// steps has no room to rise: it starts at the peak.
class OneCycle final : public LearningRateSchedule {
public:
    struct Shape {
        double riseShare = 0.3;
        double startDivisor = 25;
        double endDivisor = 1e4;  ///< below the start
    };
    OneCycle(double maxRate, std::int64_t steps) : OneCycle(maxRate, steps, Shape{}) {}
    OneCycle(double maxRate, std::int64_t steps, const Shape& shape)
        : m_maxRate(maxRate), m_steps(steps), m_shape(shape) {}

    double rate(std::int64_t step) const override;

private:
    double m_maxRate;
    std::int64_t m_steps;
    Shape m_shape;
};

}  // namespace bitlathe::core
