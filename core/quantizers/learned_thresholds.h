#pragma once

#include <span>
#include <vector>

namespace bitlathe::core {

/// FATNN's sum of learned steps (README eq. 18). Half wave, slopes a_0 .. a_(L-2) (their magnitudes), offsets
/// o_i = sum_{j<i} 1/a_j:
///
///   code = sum_i round(clamp((x - o_i) a_i, 0, 1))       0 .. L-1, thresholds at o_i + 1/(2 a_i)
///
/// Full wave is ternary: code = round(clamp(x a_0, -1, 0)) + round(clamp(x a_1, 0, 1)), thresholds -1/(2 a_0)
/// and 1/(2 a_1). Codes are the output: the batch norm that follows takes the scale. Source  Chen et al. 2021
/// (FATNN), arXiv:2008.05101.
struct LearnedThresholds {
    std::vector<double> slopes;  ///< L - 1 of them; exactly two for the full wave
    bool isHalfWave = true;
};

/// Errors  InvalidConfig: a slope that is zero or not finite, a full wave with other than two slopes.
void learnedThresholds(std::span<const float> in, std::span<float> out, const LearnedThresholds& steps);
/// Straight through the rounding, closed masks m_i: dx = g sum m_i a_i; da_i = sum g m_i (x - o_i) +
/// sum_{k>i} g m_k a_k / a_i². Returns the slopes' gradients.
std::vector<double> learnedThresholdsBackward(std::span<const float> x, std::span<const float> gradient,
                                              std::span<float> gradientX, const LearnedThresholds& steps);
/// The number by which codes approach the values best, <codes, x> / <codes, codes>; mean of x when every code
/// is 0.
double closedFormScale(std::span<const float> codes, std::span<const float> values) noexcept;

/// TTQ: x̂ = positive above t, -negative below -t, else 0, with t = ratio max|w|. Gradients: dw = positive g,
/// g, negative g by region; dpositive = sum of g above, dnegative = -sum of g below. Source  Zhu et al. 2017,
/// arXiv:1612.01064, eq. 7 and 8.
struct TrainedTernary {
    float positive = 1;
    float negative = 1;
    float ratio = 0.05F;
};
struct TrainedTernaryGradient {
    double positive = 0;
    double negative = 0;
};
/// The threshold of a tensor, ratio * largest magnitude.
float ternaryThreshold(std::span<const float> weights, float ratio) noexcept;
void trainedTernary(std::span<const float> weights, std::span<float> out, const TrainedTernary& levels);
TrainedTernaryGradient trainedTernaryBackward(std::span<const float> weights, std::span<const float> gradient,
                                              std::span<float> gradientWeights, const TrainedTernary& levels);
/// The same at a given threshold, for values that are not the whole tensor; `ratio` is not looked at.
void trainedTernaryAt(float threshold, std::span<const float> values, std::span<float> out,
                      const TrainedTernary& levels);
TrainedTernaryGradient trainedTernaryBackwardAt(float threshold, std::span<const float> values,
                                                std::span<const float> gradient,
                                                std::span<float> gradientValues,
                                                const TrainedTernary& levels);

}  // namespace bitlathe::core
