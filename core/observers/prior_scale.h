#pragma once

#include "core/observers/analytic_clip.h"
#include "core/types/site_statistics.h"

namespace bitlathe::core {

/// How a tensor lies about zero, as analytic clips need to know it.
struct PriorFit {
    bool isOneSided = false;  ///< nothing negative: a rectified tensor
    double center = 0;        ///< mean; 0 for one-sided
    double scale = 0;         ///< b or sigma of the density before rectification
};

/// Fits a prior to statistics (README eq. 30).
///   two-sided  center = mean; b = mean |x - mean| (from the histogram, linear within bins), sigma = standard
///   deviation one-sided  half a zero-centred density, of which the positive values are the visible part: b =
///   mean of the positive values,
///              sigma = root of their mean square. (ACIQ's code reads both from the tensor before the ReLU,
///              which calibration does not see.)
PriorFit fitPrior(const SiteStatistics& statistics, ClipPrior prior);
/// The two-sided fit whatever the sign.
PriorFit fitTwoSidedPrior(const SiteStatistics& statistics, ClipPrior prior);

/// Mean |x - center| of what a histogram holds, values uniform within their bin.
double meanDeviation(const Histogram& histogram, double center);

}  // namespace bitlathe::core
