#include "core/quantizers/clipped_weights.h"

#include "core/quantizers/grid.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

QParams anchoredGrid(const Range& range, int bits) {
    const CodeLimits codes = unsignedCodes(bits);
    QParams grid;
    grid.quantMin = codes.minimum;
    grid.quantMax = codes.maximum;
    // All in float, as codes are made: in double the zero point could part from the lowest weight's code at a tie.
    const auto lower = static_cast<float>(range.lower);
    const float width = static_cast<float>(range.upper) - lower;
    const float step =
        toScale((width == 0 ? 1.0F : width) / static_cast<float>(codes.steps()), codes.steps());
    grid.scale = {step};
    grid.zeroPoint = {static_cast<std::int32_t>(-roundTo(lower / step, Rounding::HalfEven))};
    return grid;
}

QParams clippedWeightGrid(std::span<const float> weights, const Range& thresholds, int bits) {
    const double lower = std::min(thresholds.lower, 0.0);
    const double upper = std::max(thresholds.upper, 0.0);
    Range found{0, 0};
    if (!weights.empty()) {
        const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
        found = {std::clamp(static_cast<double>(*low), lower, upper),
                 std::clamp(static_cast<double>(*high), lower, upper)};
    }
    QParams grid = anchoredGrid(found, bits);
    if (found.width() == 0 && found.lower != 0) {
        grid.quantMax =
            grid.quantMin;  // everything was clipped to one value: one code, or the grid would not clip
    }
    return grid;
}

ThresholdGradient clippedWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                                         std::span<float> gradientWeights, const Range& thresholds) {
    ThresholdGradient result;
    const double lower = std::min(thresholds.lower, 0.0);
    const double upper = std::max(thresholds.upper, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto w = static_cast<double>(weights[i]);
        const bool isBelow = w <= lower;
        const bool isAbove = w >= upper;
        result.lower += isBelow ? static_cast<double>(gradient[i]) : 0.0;
        result.upper += isAbove ? static_cast<double>(gradient[i]) : 0.0;
        gradientWeights[i] = isBelow || isAbove ? 0.0F : gradient[i];
    }
    return result;
}

Range projectedThresholds(std::span<const float> weights, int bits) {
    Range range{0, 0};
    if (weights.empty()) {
        return range;
    }
    const double n = (1 << bits) - 1;
    double mean = 0;
    for (const float w : weights) {
        mean += static_cast<double>(w) / static_cast<double>(weights.size());
    }
    double step = 0;
    for (const float w : weights) {
        step = std::max(step, 2 * std::fabs(static_cast<double>(w) - mean) / n);
    }
    if (step == 0) {
        return {std::min(mean, 0.0), std::max(mean, 0.0)};  // constant weights: nothing to project
    }
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
        range = {std::min(mean - step * n / 2, 0.0), std::max(mean + step * n / 2, 0.0)};
        double products = 0;
        double squares = 0;
        for (const float w : weights) {
            const double code =
                std::nearbyint(std::clamp(static_cast<double>(w), range.lower, range.upper) / step);
            products += code * static_cast<double>(w);
            squares += code * code;
        }
        if (squares == 0) {
            break;
        }
        step = products / squares;
    }
    return range;
}

}  // namespace bitlathe::core
