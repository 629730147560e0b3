#include "core/observers/prior_scale.h"

#include <cmath>

namespace bitlathe::core {

double meanDeviation(const Histogram& histogram, double center) {
    if (histogram.empty()) {
        return 0;
    }
    const double width = histogram.binWidth();
    double sum = static_cast<double>(histogram.zeros()) * std::fabs(center);
    for (std::size_t k = 0; k < histogram.counts().size(); ++k) {
        const double left = histogram.lowerEdge(k) - center;
        const double right = left + width;
        // Mean of |t| over [left, right]: of the two triangles where the center lies inside, else of the
        // trapezoid.
        const double mean = left < 0 && right > 0 ? (left * left + right * right) / (2 * width)
                                                  : 0.5 * std::fabs(left + right);
        sum += static_cast<double>(histogram.counts()[k]) * mean;
    }
    return sum / static_cast<double>(histogram.total());
}

PriorFit fitPrior(const SiteStatistics& statistics, ClipPrior prior) {
    PriorFit fit;
    fit.isOneSided = statistics.minimum >= 0.0;
    if (fit.isOneSided) {
        const double positives = static_cast<double>(statistics.count - statistics.histogram.zeros());
        if (positives > 0) {
            fit.scale = prior == ClipPrior::Laplace ? statistics.sum / positives
                                                    : std::sqrt(statistics.sumOfSquares / positives);
        }
        return fit;
    }
    return fitTwoSidedPrior(statistics, prior);
}

PriorFit fitTwoSidedPrior(const SiteStatistics& statistics, ClipPrior prior) {
    PriorFit fit;
    fit.center = statistics.mean();
    fit.scale = prior == ClipPrior::Gauss ? std::sqrt(statistics.variance())
                                          : meanDeviation(statistics.histogram, fit.center);
    return fit;
}

}  // namespace bitlathe::core
