#include "core/quantizers/dorefa.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitlathe::core {

namespace {

struct Tanh {
    std::vector<double> values;
    double largest = 0;
};

Tanh tanhOf(std::span<const float> weights) {
    Tanh result;
    result.values.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        result.values[i] = std::tanh(static_cast<double>(weights[i]));
        result.largest = std::max(result.largest, std::fabs(result.values[i]));
    }
    return result;
}

}  // namespace

void dorefaWeights(std::span<const float> weights, std::span<float> out, int levels) {
    dorefaValues(weights, out, levels, largestTanh(weights));
}

void dorefaValues(std::span<const float> values, std::span<float> out, int levels, double largestTanh) {
    if (largestTanh == 0) {
        std::fill(out.begin(), out.end(), 0.0F);
        return;
    }
    const double n = levels - 1;
    for (std::size_t i = 0; i < values.size(); ++i) {
        // Beyond the tensor's own extremes the outer levels stay.
        const double t = std::clamp(std::tanh(static_cast<double>(values[i])), -largestTanh, largestTanh);
        const double z = t / (2 * largestTanh) + 0.5;
        out[i] = static_cast<float>(2 * std::nearbyint(n * z) / n - 1);
    }
}

double largestTanh(std::span<const float> weights) noexcept {
    float largest = 0;
    for (const float w : weights) {
        largest = std::max(largest, std::fabs(w));
    }
    return std::tanh(static_cast<double>(largest));  // monotone: the largest magnitude has the largest tanh
}

void dorefaWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                           std::span<float> gradientWeights) {
    const Tanh t = tanhOf(weights);
    if (t.largest == 0) {
        std::fill(gradientWeights.begin(), gradientWeights.end(), 0.0F);
        return;
    }
    double throughLargest = 0;
    double sharers = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        throughLargest += static_cast<double>(gradient[i]) * t.values[i];
        sharers += std::fabs(t.values[i]) == t.largest ? 1.0 : 0.0;
    }
    throughLargest /= t.largest * t.largest * sharers;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double share = std::fabs(t.values[i]) == t.largest ? throughLargest : 0.0;
        const double dt =
            static_cast<double>(gradient[i]) / t.largest - std::copysign(1.0, t.values[i]) * share;
        gradientWeights[i] = static_cast<float>(dt * (1 - t.values[i] * t.values[i]));
    }
}

}  // namespace bitlathe::core
