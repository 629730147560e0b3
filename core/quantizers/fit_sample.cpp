#include "core/quantizers/fit_sample.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

constexpr std::size_t kMostPoints = 65536;
constexpr int kUniformPoints = 257;

double clipped(double x, const Range& range) noexcept {
    return std::clamp(x, range.lower, range.upper);
}

void addHistogram(FitSample& sample, const Histogram& histogram, const Range& range) {
    const std::vector<std::uint64_t>& counts = histogram.counts();
    for (std::size_t k = 0; k < counts.size(); ++k) {
        if (counts[k] > 0) {
            sample.add(clipped(histogram.center(k), range), static_cast<double>(counts[k]));
        }
    }
    if (histogram.zeros() > 0) {
        sample.add(clipped(0.0, range), static_cast<double>(histogram.zeros()));
    }
}

void requireFinite(std::span<const float> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
            throw Error(ErrorCode::NonFiniteInput,
                        "value " + std::to_string(i) + " is NaN or infinity; check the model's weights");
        }
    }
}

}  // namespace

FitSample fitSample(const FitSlice& slice) {
    FitSample sample;
    if (!slice.values.empty()) {
        requireFinite(slice.values);
        if (slice.values.size() > kMostPoints) {
            Histogram histogram;
            histogram.add(slice.values);
            addHistogram(sample, histogram, slice.range);
            return sample;
        }
        for (const float x : slice.values) {
            sample.add(clipped(static_cast<double>(x), slice.range), 1.0);
        }
        return sample;
    }
    if (slice.statistics != nullptr && !slice.statistics->histogram.empty()) {
        // Bin centres may lie beyond the extrema, which the bins' edges need not meet.
        const Range& range = slice.range;
        const SiteStatistics& known = *slice.statistics;
        const double lower = std::max(range.lower, std::min(known.minimum, range.upper));
        const double upper = std::max(lower, std::min(range.upper, std::max(known.maximum, range.lower)));
        addHistogram(sample, known.histogram, {lower, upper});
        return sample;
    }
    const int points = slice.range.width() > 0 ? kUniformPoints : 1;
    for (int i = 0; i < points; ++i) {
        const double share = points == 1 ? 0.0 : static_cast<double>(i) / (points - 1);
        sample.add(slice.range.lower + share * slice.range.width(), 1.0);
    }
    return sample;
}

std::vector<float> clippedValues(const FitSlice& slice) {
    requireFinite(slice.values);
    std::vector<float> values(slice.values.begin(), slice.values.end());
    for (float& value : values) {
        value = static_cast<float>(clipped(static_cast<double>(value), slice.range));
    }
    return values;
}

SampleMoments momentsOf(const FitSample& sample) noexcept {
    SampleMoments moments;
    if (sample.total <= 0) {
        return moments;
    }
    for (std::size_t i = 0; i < sample.points.size(); ++i) {
        const double x = sample.points[i];
        const double share = sample.weights[i] / sample.total;
        moments.mean += share * x;
        moments.meanMagnitude += share * std::fabs(x);
        moments.meanSquare += share * x * x;
    }
    for (std::size_t i = 0; i < sample.points.size(); ++i) {
        const double distance = sample.points[i] - moments.mean;
        moments.deviation += sample.weights[i] / sample.total * distance * distance;
    }
    moments.deviation = std::sqrt(moments.deviation);
    return moments;
}

LevelSums sumsByLevel(const FitSample& sample, std::span<const double> thresholds) {
    LevelSums sums{std::vector<double>(thresholds.size() + 1, 0.0),
                   std::vector<double>(thresholds.size() + 1, 0.0)};
    for (std::size_t i = 0; i < sample.points.size(); ++i) {
        const auto level = static_cast<std::size_t>(
            std::lower_bound(thresholds.begin(), thresholds.end(), sample.points[i]) - thresholds.begin());
        sums.weight[level] += sample.weights[i];
        sums.sum[level] += sample.weights[i] * sample.points[i];
    }
    return sums;
}

std::uint64_t sharedBy(const FitSlice& slice) noexcept {
    if (!slice.values.empty()) {
        return slice.values.size();
    }
    if (slice.statistics != nullptr && slice.statistics->samples > 0) {
        return std::max<std::uint64_t>(1, slice.statistics->count / slice.statistics->samples);
    }
    return 1;
}

}  // namespace bitlathe::core
