#pragma once

#include <cstdint>

namespace bitlathe::engine {

/// Learning rate that rises and falls once (Smith and Topin 2018, arXiv:1708.07120), cosine on both sides:
///
///   step in [0, p]:      from max/25 to max             p = 0.3 * steps - 1
///   step in [p, steps-1]: from max to max/250000
///
/// The constants are those of torch.optim.lr_scheduler.OneCycleLR; momentum stays where it is.
class OneCycle {
public:
    OneCycle(double maxRate, std::int64_t steps) : m_maxRate(maxRate), m_steps(steps) {}

    /// step  0 .. steps-1
    double rate(std::int64_t step) const;

private:
    double m_maxRate;
    std::int64_t m_steps;
};

} // namespace bitlathe::engine
