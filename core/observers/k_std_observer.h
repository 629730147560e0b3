#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// mean ± k standard deviations, within the extrema.
/// Errors  NotCalibrated: statistics are empty.
/// Source  Lin et al. 2016, arXiv:1511.06393; the "Xstd" clipping of ACIQ's code.
class KStdObserver final : public Observer {
public:
    static constexpr std::string_view kName = "k_std";

    explicit KStdObserver(double k) : m_k(k) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    double m_k;
};

}  // namespace bitlathe::core
