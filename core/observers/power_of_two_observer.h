#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// The next power of two around a range: [-R, R], or [0, R] when nothing is negative, with
///   R = 2^ceil(log2 max(|lower|, |upper|, 2^-16))          (README eq. 42)
/// Base::Extrema      lower, upper are the extrema
/// Base::Histogram    `percent` of the values are cut off each end first (TI's advanced calibration: 0.01)
/// Base::Running      PACT2's running mean of batch extrema (README eq. 34)
/// Errors  NotCalibrated: statistics are empty.
/// Source  edgeai-torchvision xnn (Texas Instruments), PACT2.
class PowerOfTwoObserver final : public Observer {
public:
    static constexpr std::string_view kName = "power_of_two";

    enum class Base { Histogram, Extrema, Running };
    explicit PowerOfTwoObserver(Base base = Base::Histogram, double percent = 0.01)
        : m_base(base), m_percent(percent) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;
    bool needsOnlyExtrema() const noexcept override { return m_base == Base::Extrema; }

private:
    Base m_base;
    double m_percent;
};

}  // namespace bitlathe::core
