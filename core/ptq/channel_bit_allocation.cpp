#include "core/ptq/channel_bit_allocation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <queue>
#include <utility>

namespace bitlathe::core {

namespace {

double mean(const std::vector<int>& bits) {
    double sum = 0;
    for (const int b : bits) {
        sum += b;
    }
    return bits.empty() ? 0.0 : sum / static_cast<double>(bits.size());
}

std::vector<double> realBins(std::span<const double> spread, double targetBits) {
    std::vector<double> bins(spread.size());
    double sum = 0;
    for (std::size_t c = 0; c < spread.size(); ++c) {
        bins[c] = std::cbrt(spread[c] * spread[c]);
        sum += bins[c];
    }
    const double budget = static_cast<double>(spread.size()) * std::exp2(targetBits);
    for (double& b : bins) {
        b = sum > 0 ? budget * b / sum : std::exp2(targetBits);
    }
    return bins;
}

}  // namespace

BitAllocation allocateBitsOnce(std::span<const double> spread, double targetBits, BitRounding rounding,
                               int highest) {
    BitAllocation result;
    result.bins = realBins(spread, targetBits);
    for (const double bins : result.bins) {
        // The logarithm is rounded to float first: four equal channels at 16 bins are exactly 4 bits,
        // whatever the last bits of the sum said (ceil would give 5).
        const double exact = bins > 0 ? static_cast<double>(static_cast<float>(std::log2(bins))) : 0.0;
        const double rounded = rounding == BitRounding::Ceil ? std::ceil(exact) : std::nearbyint(exact);
        result.bits.push_back(static_cast<int>(std::clamp(rounded, 0.0, static_cast<double>(highest))));
    }
    result.meanBits = mean(result.bits);
    return result;
}

BitAllocation allocateBits(std::span<const double> spread, double targetBits, BitRounding rounding,
                           int highest) {
    constexpr int kRounds = 10;
    constexpr double kCloseEnough = 0.01;
    double target = targetBits;
    BitAllocation result;
    for (int round = 0; round < kRounds; ++round) {
        std::vector<std::pair<double, double>> rounds = std::move(result.rounds);
        result = allocateBitsOnce(spread, target, rounding, highest);
        rounds.emplace_back(target, result.meanBits);
        result.rounds = std::move(rounds);
        // In float, as the published loop: a target that comes back to a whole number does not do so exactly.
        const double move = (static_cast<float>(targetBits) - static_cast<float>(result.meanBits)) / 2;
        target += move;
        if (std::fabs(2 * move) <= kCloseEnough) {
            break;
        }
    }
    return result;
}

BitAllocation allocateBitsGreedily(std::span<const double> spread, double targetBits, ClipPrior prior,
                                   int highest) {
    std::vector<double> error(static_cast<std::size_t>(highest) + 1);
    for (int bits = 0; bits <= highest; ++bits) {
        // No bits: the channel's mean is sent, its variance is the error (2 b² for Laplace of scale b).
        error[static_cast<std::size_t>(bits)] =
            bits == 0 ? (prior == ClipPrior::Laplace ? 2.0 : 1.0)
                      : realGridError(prior, optimalClip(prior, 1 << bits, false, ClipModel::RealGrid),
                                      1 << bits, false);
    }
    struct Gain {
        double value;
        std::size_t channel;
        bool operator<(const Gain& other) const {
            return value < other.value || (value == other.value && channel > other.channel);
        }
    };
    BitAllocation result;
    result.bits.assign(spread.size(), 0);
    std::priority_queue<Gain> gains;
    const auto push = [&](std::size_t c) {
        const auto bits = static_cast<std::size_t>(result.bits[c]);
        if (bits < static_cast<std::size_t>(highest)) {
            gains.push({spread[c] * spread[c] * (error[bits] - error[bits + 1]), c});
        }
    };
    for (std::size_t c = 0; c < spread.size(); ++c) {
        push(c);
    }
    auto left = static_cast<std::int64_t>(std::llround(targetBits * static_cast<double>(spread.size())));
    while (left-- > 0 && !gains.empty()) {
        const std::size_t c = gains.top().channel;
        gains.pop();
        ++result.bits[c];
        push(c);
    }
    for (const int bits : result.bits) {
        result.bins.push_back(std::exp2(bits));
    }
    result.meanBits = mean(result.bits);
    return result;
}

std::vector<int> allocateBins(std::span<const double> spread, double targetBits) {
    std::vector<int> result;
    for (const double bins : realBins(spread, targetBits)) {
        result.push_back(static_cast<int>(std::nearbyint(bins)));
    }
    return result;
}

}  // namespace bitlathe::core
