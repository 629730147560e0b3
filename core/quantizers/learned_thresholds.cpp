#include "core/quantizers/learned_thresholds.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

/// One step: its slope, offset and the interval its clamp keeps.
struct Step {
    double slope, offset, lower, upper;
};

std::vector<Step> stepsOf(const LearnedThresholds& thresholds) {
    if (!thresholds.isHalfWave && thresholds.slopes.size() != 2) {
        throw Error(ErrorCode::InvalidConfig, "learned thresholds: a full wave has two slopes, not " +
                                                  std::to_string(thresholds.slopes.size()));
    }
    std::vector<Step> steps;
    double offset = 0;
    for (std::size_t i = 0; i < thresholds.slopes.size(); ++i) {
        const double slope = std::fabs(thresholds.slopes[i]);
        if (!(slope > 0) || !std::isfinite(slope)) {
            throw Error(ErrorCode::InvalidConfig,
                        "learned thresholds: slope " + std::to_string(i) + " is zero or not finite");
        }
        if (thresholds.isHalfWave) {
            steps.push_back({slope, offset, 0.0, 1.0});
            offset += 1.0 / slope;
        } else {
            steps.push_back({slope, 0.0, i == 0 ? -1.0 : 0.0, i == 0 ? 0.0 : 1.0});
        }
    }
    return steps;
}

}  // namespace

void learnedThresholds(std::span<const float> in, std::span<float> out, const LearnedThresholds& thresholds) {
    const std::vector<Step> steps = stepsOf(thresholds);
    for (std::size_t i = 0; i < in.size(); ++i) {
        double code = 0;
        for (const Step& step : steps) {
            code += std::nearbyint(
                std::clamp((static_cast<double>(in[i]) - step.offset) * step.slope, step.lower, step.upper));
        }
        out[i] = static_cast<float>(code);
    }
}

std::vector<double> learnedThresholdsBackward(std::span<const float> x, std::span<const float> gradient,
                                              std::span<float> gradientX,
                                              const LearnedThresholds& thresholds) {
    const std::vector<Step> steps = stepsOf(thresholds);
    std::vector<double> slopes(steps.size(), 0.0);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto g = static_cast<double>(gradient[i]);
        double dx = 0;
        double later = 0;  // sum over k > j of m_k a_k, while j runs down
        for (std::size_t j = steps.size(); j-- > 0;) {
            const Step& step = steps[j];
            const double r = (static_cast<double>(x[i]) - step.offset) * step.slope;
            const bool inside = r >= step.lower && r <= step.upper;
            slopes[j] += inside ? g * (static_cast<double>(x[i]) - step.offset) : 0.0;
            if (thresholds.isHalfWave) {
                slopes[j] += g * later / (step.slope * step.slope);
            }
            later += inside ? step.slope : 0.0;
            dx += inside ? step.slope : 0.0;
        }
        gradientX[i] = static_cast<float>(g * dx);
    }
    for (std::size_t j = 0; j < slopes.size(); ++j) {
        slopes[j] *= std::copysign(1.0, thresholds.slopes[j]);
    }
    return slopes;
}

double closedFormScale(std::span<const float> codes, std::span<const float> values) noexcept {
    double products = 0;
    double squares = 0;
    double sum = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        products += static_cast<double>(codes[i]) * static_cast<double>(values[i]);
        squares += static_cast<double>(codes[i]) * static_cast<double>(codes[i]);
        sum += static_cast<double>(values[i]);
    }
    if (squares == 0) {
        return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
    }
    return products / squares;
}

float ternaryThreshold(std::span<const float> weights, float ratio) noexcept {
    float largest = 0;
    for (const float w : weights) {
        largest = std::max(largest, std::fabs(w));
    }
    return ratio * largest;
}

void trainedTernary(std::span<const float> weights, std::span<float> out, const TrainedTernary& levels) {
    trainedTernaryAt(ternaryThreshold(weights, levels.ratio), weights, out, levels);
}

void trainedTernaryAt(float threshold, std::span<const float> values, std::span<float> out,
                      const TrainedTernary& levels) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        out[i] = values[i] > threshold ? levels.positive : (values[i] < -threshold ? -levels.negative : 0.0F);
    }
}

TrainedTernaryGradient trainedTernaryBackward(std::span<const float> weights, std::span<const float> gradient,
                                              std::span<float> gradientWeights,
                                              const TrainedTernary& levels) {
    return trainedTernaryBackwardAt(ternaryThreshold(weights, levels.ratio), weights, gradient,
                                    gradientWeights, levels);
}

TrainedTernaryGradient trainedTernaryBackwardAt(float threshold, std::span<const float> values,
                                                std::span<const float> gradient,
                                                std::span<float> gradientValues,
                                                const TrainedTernary& levels) {
    TrainedTernaryGradient result;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float g = gradient[i];
        if (values[i] > threshold) {
            gradientValues[i] = levels.positive * g;
            result.positive += static_cast<double>(g);
        } else if (values[i] < -threshold) {
            gradientValues[i] = levels.negative * g;
            result.negative -= static_cast<double>(g);
        } else {
            gradientValues[i] = g;
        }
    }
    return result;
}

}  // namespace bitlathe::core
