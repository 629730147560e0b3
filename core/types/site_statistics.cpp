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
    sumOfSampleMinima += batch.sumOfSampleMinima;
    sumOfSampleMaxima += batch.sumOfSampleMaxima;
    sumOfSampleMagnitudes += batch.sumOfSampleMagnitudes;
    batchRanges.push_back({batch.minimum, batch.maximum});
    if (channelRanges.empty()) {
        channelRanges = batch.channelRanges;
    } else {
        for (std::size_t c = 0; c < std::min(channelRanges.size(), batch.channelRanges.size()); ++c) {
            channelRanges[c].lower = std::min(channelRanges[c].lower, batch.channelRanges[c].lower);
            channelRanges[c].upper = std::max(channelRanges[c].upper, batch.channelRanges[c].upper);
        }
    }
    if (channels.empty()) {
        channels = batch.channels;
    } else {
        for (std::size_t c = 0; c < std::min(channels.size(), batch.channels.size()); ++c) {
            channels[c].sum += batch.channels[c].sum;
            channels[c].sumOfSquares += batch.channels[c].sumOfSquares;
            channels[c].sumOfMagnitudes += batch.channels[c].sumOfMagnitudes;
            channels[c].histogram.merge(batch.channels[c].histogram);
        }
    }
    histogram.merge(batch.histogram);
}

SiteStatistics SiteStatistics::ofChannels(std::size_t first, std::size_t channelCount) const {
    SiteStatistics result;
    result.samples = samples;
    for (std::size_t c = first; c < first + channelCount; ++c) {
        const Range& range = channelRanges[c];
        result.minimum = c == first ? range.lower : std::min(result.minimum, range.lower);
        result.maximum = c == first ? range.upper : std::max(result.maximum, range.upper);
        result.sum += channels[c].sum;
        result.sumOfSquares += channels[c].sumOfSquares;
        result.sumOfMagnitudes += channels[c].sumOfMagnitudes;
        result.count += channels[c].histogram.total();
        result.histogram.merge(channels[c].histogram);
    }
    return result;
}

const SiteStatistics* Statistics::find(const SiteId& id) const {
    const auto found = sites.find(id);
    return found == sites.end() ? nullptr : &found->second;
}

}  // namespace bitlathe::core
