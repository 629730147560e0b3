#include "engine/one_cycle.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bitlathe::engine {

namespace {

constexpr double kWarmUpShare = 0.3;
constexpr double kStartDivisor = 25;
constexpr double kEndDivisor = 1e4; // below the start

/// `from` at share 0, `to` at share 1.
double cosine(double from, double to, double share) {
    return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * share));
}

} // namespace

double OneCycle::rate(std::int64_t step) const {
    const double start = m_maxRate / kStartDivisor;
    const double end = start / kEndDivisor;
    const double last = static_cast<double>(m_steps - 1);
    // A cycle of a few steps has no room to warm up: it starts at the peak.
    const double peak = std::max(0.0, kWarmUpShare * static_cast<double>(m_steps) - 1);
    const auto at = static_cast<double>(step);
    if (at < peak) {
        return cosine(start, m_maxRate, at / peak);
    }
    return last <= peak ? m_maxRate : cosine(m_maxRate, end, (at - peak) / (last - peak));
}

} // namespace bitlathe::engine
