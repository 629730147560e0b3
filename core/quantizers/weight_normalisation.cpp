#include "core/quantizers/weight_normalisation.h"

#include <cmath>

namespace bitlathe::core {

WeightMoments weightMoments(std::span<const float> weights) noexcept {
    WeightMoments result;
    if (weights.empty()) {
        return result;
    }
    for (const float w : weights) {
        result.mean += static_cast<double>(w);
    }
    result.mean /= static_cast<double>(weights.size());
    double squares = 0;
    for (const float w : weights) {
        squares += (static_cast<double>(w) - result.mean) * (static_cast<double>(w) - result.mean);
    }
    result.deviation =
        weights.size() < 2 ? 0.0 : std::sqrt(squares / static_cast<double>(weights.size() - 1));
    return result;
}

double standardiseDivisor(const WeightMoments& moments) noexcept {
    return moments.deviation > 0.0 ? moments.deviation : 1.0;
}

void standardise(std::span<const float> weights, std::span<float> out, const WeightMoments& moments) {
    const double divisor = standardiseDivisor(moments);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        out[i] = static_cast<float>((static_cast<double>(weights[i]) - moments.mean) / divisor);
    }
}

void destandardise(std::span<const float> values, std::span<float> out, const WeightMoments& moments) {
    const double divisor = standardiseDivisor(moments);
    for (std::size_t i = 0; i < values.size(); ++i) {
        out[i] = static_cast<float>(static_cast<double>(values[i]) * divisor + moments.mean);
    }
}

}  // namespace bitlathe::core
