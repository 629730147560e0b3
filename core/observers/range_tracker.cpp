#include "core/observers/range_tracker.h"

#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::core {

Range histogramExtrema(std::span<const float> values, double percent) {
    if (values.empty()) {
        return {};
    }
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
        throw Error(ErrorCode::NonFiniteInput, "NaN or infinity among the values whose range is tracked");
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const Range extrema{*low, *high};
    constexpr std::size_t kBins = 256;
    // Float32 like the reference: the index of a value next to an edge depends on it, and so does which bin a share
    // equal to `percent` counts to.
    const float minimum = *low;
    const float width = *high - *low;
    const float factor = (kBins - 1) / width;
    // A width of zero, and widths whose quotients or products leave float32, have no bins.
    if (percent <= 0 || !std::isfinite(factor) || !std::isfinite(width * (kBins - 1))) {
        return extrema;
    }
    std::array<std::size_t, kBins> count{};
    for (const float x : values) {
        const float index = std::nearbyint((x - minimum) * factor);
        ++count[std::min(static_cast<std::size_t>(index), kBins - 1)];
    }
    std::array<double, kBins> share{};
    for (std::size_t i = 0; i < kBins; ++i) {
        share[i] = static_cast<float>(count[i]) * 100.0F / static_cast<float>(values.size());
    }
    std::size_t first = 0;
    for (double sum = share[0]; first + 1 < kBins && sum < percent; sum += share[first]) {
        ++first;
    }
    std::size_t last = kBins - 1;
    for (double sum = share[last]; last > 0 && sum < percent; sum += share[last]) {
        --last;
    }
    // The bin before the crossing: where even the first bin crosses, the extremum stays.
    const auto value = [&](std::size_t index) {
        return static_cast<double>(index) * extrema.width() / (kBins - 1) + extrema.lower;
    };
    const double lower = value(first == 0 ? 0 : first - 1);
    const double upper = value(last == kBins - 1 ? kBins - 1 : last + 1);
    return {std::clamp(lower, extrema.lower, extrema.upper), std::clamp(upper, extrema.lower, extrema.upper)};
}

std::vector<float> subsampled(std::span<const float> values, std::span<const std::int64_t> shape,
                              int rowOffset, int columnOffset) {
    if (shape.size() != 4 || shape[2] <= 4 || shape[3] <= 4) {
        return {values.begin(), values.end()};
    }
    std::vector<float> result;
    for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane) {
        for (std::int64_t row = rowOffset; row < shape[2]; row += 2) {
            for (std::int64_t column = columnOffset; column < shape[3]; column += 2) {
                result.push_back(
                    values[static_cast<std::size_t>((plane * shape[2] + row) * shape[3] + column)]);
            }
        }
    }
    return result;
}

const Range& RangeTracker::update(const Range& extrema) noexcept {
    constexpr double kSlowest = 0.001;
    const double factor = std::max(1.0 / static_cast<double>(std::max<std::int64_t>(m_batches, 1)), kSlowest);
    m_range.lower += factor * (extrema.lower - m_range.lower);
    m_range.upper += factor * (extrema.upper - m_range.upper);
    ++m_batches;
    return m_range;
}

Range RangeTrackerObserver::range(const SiteStatistics& statistics, const Quantizer&, BitWidth) const {
    requireCalibrated(statistics, kName);
    if (statistics.batchRanges.empty()) {
        return {statistics.minimum, statistics.maximum};
    }
    RangeTracker tracker;
    for (const Range& batch : statistics.batchRanges) {
        tracker.update(batch);
    }
    return tracker.range();
}

}  // namespace bitlathe::core
