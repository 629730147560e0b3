#pragma once

#include "core/observers/observer.h"
#include "core/types/range.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// Extrema after cutting a share off each end by a 256-bin histogram over [min, max] (TI's "extrema with
/// histogram").
///   index = round half even((x - min) 255 / (max - min)); from each end the last bin whose cumulative share
///   is still below `percent`
/// percent  of 100, cut from each end; 0: plain extrema. A tensor of fewer than 100 / percent values is never
/// cut. A constant tensor is returned as it is, and so is one so wide that float32 cannot count its bins.
/// Errors  NonFiniteInput: NaN or infinity among the values, as in a training that diverges.
Range histogramExtrema(std::span<const float> values, double percent);

/// Every second row and column of an NCHW tensor larger than 4 x 4, starting at the offsets (0 or 1): what TI
/// looks at. Smaller tensors come back whole.
std::vector<float> subsampled(std::span<const float> values, std::span<const std::int64_t> shape,
                              int rowOffset, int columnOffset);

/// PACT2: running mean of batch extrema that turns into a slow moving average (README eq. 34).
///   k = 0, 1, 2, ...     u = max(1 / max(k, 1), 0.001)     range += u (extrema - range)
/// so the first batch replaces the start, the second the first, and after a thousand batches u stays 0.001.
class RangeTracker {
public:
    explicit RangeTracker(const Range& start = {-8, 8}) : m_range(start) {}
    /// Continues where another one was.
    RangeTracker(const Range& range, std::int64_t batches) : m_range(range), m_batches(batches) {}
    const Range& update(const Range& extrema) noexcept;
    const Range& range() const noexcept { return m_range; }
    std::int64_t batches() const noexcept { return m_batches; }

private:
    Range m_range;
    std::int64_t m_batches = 0;
};

/// RangeTracker replayed over the extrema calibration kept of each batch. Statistics without batches give
/// their extrema. Errors  NotCalibrated: statistics are empty. Source  edgeai-torchvision xnn (Texas
/// Instruments), PACT2.
class RangeTrackerObserver final : public Observer {
public:
    static constexpr std::string_view kName = "range_tracker";

    Range range(const SiteStatistics& statistics, const Quantizer& quantizer, BitWidth bits) const override;
};

}  // namespace bitlathe::core
