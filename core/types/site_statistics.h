#pragma once

#include "core/types/histogram.h"
#include "core/types/layer_id.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitlathe::core {

/// What calibration keeps of one channel beside its extrema: at most 256 counters and three sums, 2.1 KB.
struct ChannelStatistics {
    double sum = 0;
    double sumOfSquares = 0;
    double sumOfMagnitudes = 0;
    Histogram histogram{Histogram::kChannelBins};
};

/// What calibration keeps of one tensor (or of one slice of it): enough for every observer, so that changing the
/// observer, the bits or the scheme never reads the data again. Memory is bounded: one Histogram of 16 KB, 2.1 KB a
/// channel, two numbers a batch; a site of 1280 channels takes 2.7 MB, all 6,000 channels of a MobileNetV1 13 MB.
struct SiteStatistics {
    std::uint64_t count = 0;    ///< values seen
    std::uint64_t samples = 0;  ///< images they came from; 0 for weights
    double minimum = 0;
    double maximum = 0;
    double sum = 0;
    double sumOfSquares = 0;
    double sumOfMagnitudes = 0;
    double sumOfSampleMinima = 0;  ///< over the samples, of each one's extrema (means of them: MXNet)
    double sumOfSampleMaxima = 0;
    double sumOfSampleMagnitudes = 0;  ///< of each sample's largest magnitude
    std::vector<Range> batchRanges;    ///< extrema of each batch in order (moving averages of any constant)
    std::vector<Range> channelRanges;  ///< extrema per channel (dim 1 of an activation, dim 0 of a weight)
    std::vector<ChannelStatistics> channels;  ///< as channelRanges; empty: the extrema alone were kept
    Histogram histogram;

    bool empty() const noexcept { return count == 0; }
    double mean() const noexcept { return count == 0 ? 0.0 : sum / static_cast<double>(count); }
    double meanSquare() const noexcept {
        return count == 0 ? 0.0 : sumOfSquares / static_cast<double>(count);
    }
    double variance() const noexcept;
    /// The channels first .. first + count - 1 as statistics of their own, for observers of one slice. Batches and
    /// samples are not kept per channel. Only where `channels` is filled.
    SiteStatistics ofChannels(std::size_t first, std::size_t count) const;
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
