#pragma once

#include "core/observers/observer.h"

#include <string_view>

namespace bitlathe::core {

/// The extrema as they are, where one outlier sets the step; or means of them, which clip it (README eq. 41).
///
///   Over::All               min(x), max(x)
///   Over::Batches           mean over the batches of each one's extrema (ACIQ's saved statistics)
///   Over::Samples           mean over the samples of each one's extrema
///   Over::SampleMagnitudes  M = mean over the samples of max|x|: [-M, M], or [0, M] when nothing is negative (MXNet)
/// Statistics that kept no batches or samples (weights, one channel) give their extrema.
/// Errors  NotCalibrated: statistics are empty.
/// Source  Jacob et al. 2018, arXiv:1712.05877, section 3; Quantization.MXNet; Banner et al. 2019 (code).
class MinMaxObserver final : public Observer {
public:
    static constexpr std::string_view kName = "min_max";

    enum class Over { All, Batches, Samples, SampleMagnitudes };
    explicit MinMaxObserver(Over over = Over::All) : m_over(over) {}

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;
    bool needsOnlyExtrema() const noexcept override { return m_over == Over::All; }

private:
    Over m_over;
};

}  // namespace bitlathe::core
