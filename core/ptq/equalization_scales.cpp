#include "core/ptq/equalization_scales.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr double kLeast = 0x1p-10;
constexpr double kMost = 0x1p10;

/// Steps of the first weights, the value between and the second weights, as factors of what they are at s = 1.
struct Steps {
    double first = 1;
    double value = 1;
    double second = 1;
};

/// Channel's best scale under these steps; empty: none fits all three.
std::optional<double> bestScale(const EqualizedChannel& channel, const Steps& steps) {
    // A share of 1 at a step of 1 must stay allowed however the quotients round.
    constexpr double kSlack = 1e-12;
    const double least =
        std::max({kLeast, channel.firstShare / steps.first, channel.valueShare / steps.value});
    const double most = channel.secondShare > 0 ? std::min(kMost, steps.second / channel.secondShare) : kMost;
    if (least > most * (1 + kSlack)) {
        return std::nullopt;
    }
    const double growing =
        steps.first * steps.first * channel.firstNoise + steps.value * steps.value * channel.valueNoise;
    const double falling = steps.second * steps.second * channel.secondNoise;
    double scale = 1;
    if (growing > 0) {
        scale = std::sqrt(std::sqrt(falling / growing));
    } else if (falling > 0) {
        scale = most;
    }
    return std::clamp(scale, least, std::max(least, most));
}

std::vector<double> scalesFor(std::span<const EqualizedChannel> channels, const Steps& steps) {
    std::vector<double> scales;
    for (const EqualizedChannel& channel : channels) {
        const std::optional<double> scale = bestScale(channel, steps);
        if (!scale) {
            return {};
        }
        scales.push_back(*scale);
    }
    return scales;
}

}  // namespace

double equalizationNoise(std::span<const EqualizedChannel> channels, std::span<const double> scales) {
    Steps steps{0, 0, 0};
    for (std::size_t c = 0; c < channels.size(); ++c) {
        steps.first = std::max(steps.first, channels[c].firstShare / scales[c]);
        steps.value = std::max(steps.value, channels[c].valueShare / scales[c]);
        steps.second = std::max(steps.second, channels[c].secondShare * scales[c]);
    }
    double noise = 0;
    for (std::size_t c = 0; c < channels.size(); ++c) {
        const double square = scales[c] * scales[c];
        noise += square * (steps.first * steps.first * channels[c].firstNoise +
                           steps.value * steps.value * channels[c].valueNoise) +
                 steps.second * steps.second * channels[c].secondNoise / square;
    }
    return noise;
}

std::vector<double> quietestScales(std::span<const EqualizedChannel> channels) {
    constexpr std::array<double, 4> kStrides{1, 0.5, 0.25, 0.125};  // of log2
    constexpr int kMoves = 40;                                      // at most, of one stride
    std::vector<double> best(channels.size(), 1.0);
    double least = equalizationNoise(channels, best);
    Steps at;
    for (const double stride : kStrides) {
        bool isBetter = true;
        for (int move = 0; move < kMoves && isBetter; ++move) {
            isBetter = false;
            const Steps from = at;
            for (int i = 0; i < 27; ++i) {
                const Steps steps{from.first * std::exp2(stride * (i % 3 - 1)),
                                  from.value * std::exp2(stride * (i / 3 % 3 - 1)),
                                  from.second * std::exp2(stride * (i / 9 - 1))};
                std::vector<double> scales = scalesFor(channels, steps);
                if (scales.empty()) {
                    continue;
                }
                const double noise = equalizationNoise(channels, scales);
                if (noise < least) {
                    least = noise;
                    best = std::move(scales);
                    at = steps;
                    isBetter = true;
                }
            }
        }
    }
    return best;
}

}  // namespace bitlathe::core
