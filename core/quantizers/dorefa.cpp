#include "core/quantizers/dorefa.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitlathe::core {

namespace {

struct Tanh {
    std::vector<double> values;
    double largest = 0;
    std::size_t at = 0;
};

Tanh tanhOf(std::span<const float> weights) {
    Tanh result;
    result.values.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        result.values[i] = std::tanh(static_cast<double>(weights[i]));
        if (std::fabs(result.values[i]) > result.largest) {
            result.largest = std::fabs(result.values[i]);
            result.at = i;
        }
    }
    return result;
}

}  // namespace

void dorefaWeights(std::span<const float> weights, std::span<float> out, int levels) {
    const Tanh t = tanhOf(weights);
    if (t.largest == 0) {
        std::fill(out.begin(), out.end(), 0.0F);
        return;
    }
    const double n = levels - 1;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double z = t.values[i] / (2 * t.largest) + 0.5;
        out[i] = static_cast<float>(2 * std::nearbyint(n * z) / n - 1);
    }
}

void dorefaWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                           std::span<float> gradientWeights) {
    const Tanh t = tanhOf(weights);
    if (t.largest == 0) {
        std::fill(gradientWeights.begin(), gradientWeights.end(), 0.0F);
        return;
    }
    double throughLargest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        throughLargest += static_cast<double>(gradient[i]) * t.values[i];
    }
    throughLargest *= -std::copysign(1.0, t.values[t.at]) / (t.largest * t.largest);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double dt = static_cast<double>(gradient[i]) / t.largest + (i == t.at ? throughLargest : 0.0);
        gradientWeights[i] = static_cast<float>(dt * (1 - t.values[i] * t.values[i]));
    }
}

}  // namespace bitlathe::core
