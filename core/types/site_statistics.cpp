#include "core/types/site_statistics.h"

#include <algorithm>

namespace bitlathe::core {

double SiteStatistics::variance() const noexcept {
    const double average = mean();
    // E[x²] - E[x]² can come out a rounding error below zero for a constant.
    return std::max(0.0, meanSquare() - average * average);
}

void SiteStatistics::merge(const SiteStatistics& batch) {
    if (batch.empty()) {
        return;
    }
    minimum = empty() ? batch.minimum : std::min(minimum, batch.minimum);
    maximum = empty() ? batch.maximum : std::max(maximum, batch.maximum);
    count += batch.count;
    samples += batch.samples;
    sum += batch.sum;
    sumOfSquares += batch.sumOfSquares;
    sumOfMagnitudes += batch.sumOfMagnitudes;
    batchRanges.push_back({batch.minimum, batch.maximum});
    if (channelRanges.empty()) {
        channelRanges = batch.channelRanges;
    } else {
        for (std::size_t c = 0; c < std::min(channelRanges.size(), batch.channelRanges.size()); ++c) {
            channelRanges[c].lower = std::min(channelRanges[c].lower, batch.channelRanges[c].lower);
            channelRanges[c].upper = std::max(channelRanges[c].upper, batch.channelRanges[c].upper);
        }
    }
    histogram.merge(batch.histogram);
}

const SiteStatistics* Statistics::find(const SiteId& id) const {
    const auto found = sites.find(id);
    return found == sites.end() ? nullptr : &found->second;
}

}  // namespace bitlathe::core
