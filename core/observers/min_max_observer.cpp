#include "core/observers/min_max_observer.h"

namespace bitlathe::core {

namespace {

Range meanOf(const std::vector<Range>& batches) {
    Range mean;
    const auto count = static_cast<double>(batches.size());
    for (const Range& batch : batches) {
        mean.lower += batch.lower / count;
        mean.upper += batch.upper / count;
    }
    return mean;
}

}  // namespace

Range MinMaxObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    const Range extrema{statistics.minimum, statistics.maximum};
    const auto samples = static_cast<double>(statistics.samples);
    const bool hasSamples = statistics.samples > 0 && statistics.sumOfSampleMagnitudes > 0;
    if (m_over == Over::Batches && !statistics.batchRanges.empty()) {
        return meanOf(statistics.batchRanges);
    }
    if (m_over == Over::Samples && hasSamples) {
        return {statistics.sumOfSampleMinima / samples, statistics.sumOfSampleMaxima / samples};
    }
    if (m_over == Over::SampleMagnitudes && hasSamples) {
        const double reach = statistics.sumOfSampleMagnitudes / samples;
        return {statistics.minimum < 0 ? -reach : 0.0, reach};
    }
    return extrema;
}

}  // namespace bitlathe::core
