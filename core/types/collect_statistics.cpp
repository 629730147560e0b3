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

BITLATHE_VECTORISED void accumulate(const float* x, std::size_t blocks, float* lowest, float* highest, double* sum,
                                    double* squares, double* magnitudes, float* poison) {
    for (std::size_t b = 0; b < blocks; ++b, x += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            const float value = x[i];
            const auto wide = static_cast<double>(value);
            lowest[i] = value < lowest[i] ? value : lowest[i];
            highest[i] = value > highest[i] ? value : highest[i];
            sum[i] += wide;
            squares[i] += wide * wide;
            magnitudes[i] += std::fabs(wide);
            // 0 * finite is 0; 0 * NaN and 0 * Inf are NaN and stay.
            poison[i] += 0.0F * value;
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
    float lowest[kLanes];
    float highest[kLanes];
    float poison[kLanes] = {};
    double sum[kLanes] = {};
    double squares[kLanes] = {};
    double magnitudes[kLanes] = {};
    std::fill_n(lowest, kLanes, values[0]);
    std::fill_n(highest, kLanes, values[0]);
    const std::size_t blocks = values.size() / kLanes;
    accumulate(values.data(), blocks, lowest, highest, sum, squares, magnitudes, poison);
    float rest[kLanes];
    const std::size_t left = values.size() - blocks * kLanes;
    if (left > 0) {
        // Copies of the first value would change the sums: add the rest lane by lane.
        std::copy_n(values.data() + blocks * kLanes, left, rest);
        for (std::size_t i = 0; i < left; ++i) {
            const auto wide = static_cast<double>(rest[i]);
            lowest[i] = std::min(lowest[i], rest[i]);
            highest[i] = std::max(highest[i], rest[i]);
            sum[i] += wide;
            squares[i] += wide * wide;
            magnitudes[i] += std::fabs(wide);
            poison[i] += 0.0F * rest[i];
        }
    }
    result.count = values.size();
    result.minimum = *std::min_element(lowest, lowest + kLanes);
    result.maximum = *std::max_element(highest, highest + kLanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
        result.sum += sum[i];
        result.sumOfSquares += squares[i];
        result.sumOfMagnitudes += magnitudes[i];
        result.isFinite = result.isFinite && poison[i] == 0.0F;
    }
    return result;
}

SiteStatistics collectStatistics(std::span<const float> values, std::int64_t outer, std::int64_t channels,
                                 std::int64_t inner) {
    if (outer < 0 || channels < 0 || inner < 0 ||
        static_cast<std::int64_t>(values.size()) != outer * channels * inner) {
        throw Error(ErrorCode::ShapeMismatch, "statistics: " + std::to_string(values.size()) +
                                                  " values cannot be split as " + std::to_string(outer) + " x " +
                                                  std::to_string(channels) + " x " + std::to_string(inner));
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
