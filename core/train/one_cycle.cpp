#include "core/train/one_cycle.h"

#include "core/train/cosine_step.h"

#include <algorithm>

namespace bitlathe::core {

double OneCycle::rate(std::int64_t step) const {
    const double start = m_maxRate / m_shape.startDivisor;
    const double end = start / m_shape.endDivisor;
    const double last = static_cast<double>(m_steps - 1);
    const double peak = std::max(0.0, m_shape.riseShare * static_cast<double>(m_steps) - 1);
    const auto at = static_cast<double>(step);
    if (at < peak) {
        return cosineStep(start, m_maxRate, at / peak);
    }
    return last <= peak ? m_maxRate : cosineStep(m_maxRate, end, (at - peak) / (last - peak));
}

}  // namespace bitlathe::core
