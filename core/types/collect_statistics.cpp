#include "core/types/collect_statistics.h"

#include "core/types/error.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

// Independent partial results, so that a sum does not wait for the sum before it, and in one fixed order.
constexpr std::size_t kLanes = 16;

struct Lanes {
    float lowest[kLanes];
    float highest[kLanes];
    float poison[kLanes] = {};
    double sum[kLanes] = {};
    double squares[kLanes] = {};
    double magnitudes[kLanes] = {};

    __attribute__((always_inline)) inline void add(std::size_t i, float value) noexcept {
        const auto wide = static_cast<double>(value);
        lowest[i] = value < lowest[i] ? value : lowest[i];
        highest[i] = value > highest[i] ? value : highest[i];
        sum[i] += wide;
        squares[i] += wide * wide;
        magnitudes[i] += std::fabs(wide);
        // 0 * finite is 0; 0 * NaN and 0 * Inf are NaN and stay.
        poison[i] += 0.0F * value;
    }
};

BITLATHE_VECTORISED void accumulate(const float* x, std::size_t blocks, Lanes& result) {
    Lanes lanes = result;  // a local copy cannot alias x: it stays in registers
    for (std::size_t b = 0; b < blocks; ++b, x += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            lanes.add(i, x[i]);
        }
    }
    result = lanes;
}

/// What is kept of each channel.
void addChannels(SiteStatistics& result, const std::vector<Moments>& moments, std::span<const float> values,
                 std::int64_t outer, std::size_t run) {
    result.channels.resize(moments.size());
    for (std::size_t c = 0; c < moments.size(); ++c) {
        result.channels[c].sum = moments[c].sum;
        result.channels[c].sumOfSquares = moments[c].sumOfSquares;
        result.channels[c].sumOfMagnitudes = moments[c].sumOfMagnitudes;
    }
    std::size_t begin = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (ChannelStatistics& channel : result.channels) {
            channel.histogram.add(values.subspan(begin, run));
            begin += run;
        }
    }
}

}  // namespace

void Moments::add(const Moments& other) noexcept {
    if (other.count == 0) {
        return;
    }
    minimum = count == 0 ? other.minimum : std::min(minimum, other.minimum);
    maximum = count == 0 ? other.maximum : std::max(maximum, other.maximum);
    count += other.count;
    sum += other.sum;
    sumOfSquares += other.sumOfSquares;
    sumOfMagnitudes += other.sumOfMagnitudes;
    isFinite = isFinite && other.isFinite;
}

Moments moments(std::span<const float> values) noexcept {
    Moments result;
    if (values.empty()) {
        return result;
    }
    Lanes lanes;
    std::fill_n(lanes.lowest, kLanes, values[0]);
    std::fill_n(lanes.highest, kLanes, values[0]);
    const std::size_t blocks = values.size() / kLanes;
    accumulate(values.data(), blocks, lanes);
    for (std::size_t i = blocks * kLanes; i < values.size(); ++i) {
        lanes.add(i - blocks * kLanes, values[i]);
    }
    result.count = values.size();
    result.minimum = *std::min_element(lanes.lowest, lanes.lowest + kLanes);
    result.maximum = *std::max_element(lanes.highest, lanes.highest + kLanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
        result.sum += lanes.sum[i];
        result.sumOfSquares += lanes.squares[i];
        result.sumOfMagnitudes += lanes.magnitudes[i];
        result.isFinite = result.isFinite && lanes.poison[i] == 0.0F;
    }
    return result;
}

SiteStatistics collectStatistics(std::span<const float> values, std::int64_t outer, std::int64_t channels,
                                 std::int64_t inner) {
    if (outer < 0 || channels < 0 || inner < 0 ||
        static_cast<std::int64_t>(values.size()) != outer * channels * inner) {
        throw Error(ErrorCode::ShapeMismatch, "statistics: " + std::to_string(values.size()) +
                                                  " values cannot be split as " + std::to_string(outer) +
                                                  " x " + std::to_string(channels) + " x " +
                                                  std::to_string(inner));
    }
    SiteStatistics result;
    if (values.empty()) {
        return result;
    }
    std::vector<Moments> perChannel(static_cast<std::size_t>(channels));
    const auto run = static_cast<std::size_t>(inner);
    std::size_t begin = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (Moments& channel : perChannel) {
            channel.add(moments(values.subspan(begin, run)));
            begin += run;
        }
    }
    Moments all;
    for (std::size_t c = 0; c < perChannel.size(); ++c) {
        if (!perChannel[c].isFinite) {
            throw Error(ErrorCode::NonFiniteInput, "NaN or infinity in channel " + std::to_string(c));
        }
        all.add(perChannel[c]);
        result.channelRanges.push_back({perChannel[c].minimum, perChannel[c].maximum});
    }
    if (perChannel.size() > 1) {
        addChannels(result, perChannel, values, outer, run);
    }
    result.count = all.count;
    result.minimum = all.minimum;
    result.maximum = all.maximum;
    result.sum = all.sum;
    result.sumOfSquares = all.sumOfSquares;
    result.sumOfMagnitudes = all.sumOfMagnitudes;
    result.batchRanges.push_back({all.minimum, all.maximum});
    result.histogram.add(values, all.minimum, all.maximum);
    return result;
}

}  // namespace bitlathe::core
