#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// Cuts the same share of values off each end: lower is the (100 - p)th percentile, upper the pth.
///
/// Percentiles come from the histogram, linear within a bin (so within one bin width, at most 1/1024 of the
/// wider end's reach, of the sample percentile); exact zeros are one point at 0. The result never leaves
/// [minimum, maximum], and p = 100 is the extrema. Statistics without a histogram give their extrema. Errors
/// NotCalibrated: statistics are empty. Source  Wu et al. 2020, arXiv:2004.09602, section 3.3; McKinstry et
/// al. 2018, arXiv:1809.04191.
class PercentileObserver final : public Observer {
public:
    static constexpr std::string_view kName = "percentile";

    /// percentile  p in (50, 100], percent
    explicit PercentileObserver(double percentile) : m_percentile(percentile) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;

private:
    double m_percentile;
};

/// Value below which `share` (0..1) of the histogram's values lie, linear within bins, exact zeros one point
/// at 0.
double quantile(const Histogram& histogram, double share);

}  // namespace bitlathe::core
