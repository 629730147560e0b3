#pragma once

#include "core/types/histogram.h"
#include "core/types/layer_id.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitlathe::core {

/// What calibration keeps of one tensor (or of one slice of it): enough for every observer, so that changing the
/// observer, the bits or the scheme never reads the data again. Memory is bounded: one Histogram, two numbers a channel,
/// two a batch.
struct SiteStatistics {
    std::uint64_t count = 0;    ///< values seen
    std::uint64_t samples = 0;  ///< images they came from; 0 for weights
    double minimum = 0;
    double maximum = 0;
    double sum = 0;
    double sumOfSquares = 0;
    double sumOfMagnitudes = 0;
    std::vector<Range> batchRanges;    ///< extrema of each batch in order (moving averages of any constant)
    std::vector<Range> channelRanges;  ///< extrema per channel (dim 1 of an activation, dim 0 of a weight)
    Histogram histogram;

    bool empty() const noexcept { return count == 0; }
    double mean() const noexcept { return count == 0 ? 0.0 : sum / static_cast<double>(count); }
    double meanSquare() const noexcept { return count == 0 ? 0.0 : sumOfSquares / static_cast<double>(count); }
    double variance() const noexcept;
    /// Adds one batch's values of the same site: moments, extrema, histogram; appends to batchRanges.
    void merge(const SiteStatistics& batch);
};

/// Statistics of a model on data: the product of calibration, the input of observers, plots and the cache.
struct Statistics {
    std::map<SiteId, SiteStatistics> sites;
    std::string modelHash;  ///< of the prepared model they were collected on
    std::string dataHash;   ///< of the samples and their preprocessing

    const SiteStatistics* find(const SiteId& id) const;
};

}  // namespace bitlathe::core
