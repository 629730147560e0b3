#include "core/ptq/weight_correction.h"

#include "core/quantizers/power_of_two_quantizer.h"
#include "core/quantizers/weight_normalisation.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitlathe::core {

namespace {

constexpr double kGuard = 1e-8;  // a channel that became constant stays constant

}  // namespace

void correctWeights(std::span<const float> weights, std::span<float> quantized,
                    const WeightCorrection& correction) {
    const WeightMoments exact = weightMoments(weights);
    if (correction.deviation) {
        const WeightMoments now = weightMoments(quantized);
        const double factor = exact.deviation / (now.deviation + kGuard);
        for (float& w : quantized) {
            w = static_cast<float>((static_cast<double>(w) - now.mean) * factor + now.mean);
        }
    }
    if (correction.mean) {
        const double shift = exact.mean - weightMoments(quantized).mean;
        for (float& w : quantized) {
            w = static_cast<float>(static_cast<double>(w) + shift);
        }
    }
}

ChannelCorrection channelCorrection(std::span<const float> weights, std::span<const float> quantized,
                                    const WeightCorrection& correction) {
    const WeightMoments exact = weightMoments(weights);
    const WeightMoments now = weightMoments(quantized);
    ChannelCorrection result;
    if (correction.deviation && exact.deviation > 0 && now.deviation > 0) {
        result.gain = exact.deviation / (now.deviation + kGuard);
    }
    if (correction.mean) {
        result.shift = exact.mean - now.mean * result.gain;
    } else if (correction.centre == WeightCorrection::Centre::Mean) {
        result.shift = now.mean * (1 - result.gain);
    }
    return result;
}

void constrainWeights(std::span<float> weights, double ratio, double value) {
    if (weights.empty()) {
        return;
    }
    std::vector<float> magnitudes(weights.size());
    std::transform(weights.begin(), weights.end(), magnitudes.begin(), [](float w) { return std::fabs(w); });
    const auto middle = magnitudes.begin() + static_cast<std::ptrdiff_t>((magnitudes.size() - 1) / 2);
    std::nth_element(magnitudes.begin(), middle, magnitudes.end());
    const double median = static_cast<double>(*middle);
    const double largest = static_cast<double>(*std::max_element(magnitudes.begin(), magnitudes.end()));
    if (!(largest > value) || !(largest > ratio * median)) {
        return;
    }
    const double reach = std::min(largest, ratio * median);
    if (reach <= 0) {
        return;  // more than half the weights are zero: there is no bulk to measure by
    }
    const auto limit = static_cast<float>(std::ldexp(1.0, ceilLog2(reach)) * (1.0 - 8.0 / 128.0));
    for (float& w : weights) {
        w = std::clamp(w, -limit, limit);
    }
}

}  // namespace bitlathe::core
