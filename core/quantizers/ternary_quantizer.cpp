#include "core/quantizers/ternary_quantizer.h"

#include "core/quantizers/fit_sample.h"
#include "core/quantizers/grid.h"
#include "core/quantizers/learned_thresholds.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace bitlathe::core {

namespace {

/// Weighted closedFormScale and the error it leaves.
struct ScaledFit {
    double scale = 0;
    double error = 0;
};

ScaledFit fitScale(const FitSample& sample, const std::vector<float>& codes) {
    double products = 0;
    double squares = 0;
    double power = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const auto code = static_cast<double>(codes[i]);
        products += sample.weights[i] * code * sample.points[i];
        squares += sample.weights[i] * code * code;
        power += sample.weights[i] * sample.points[i] * sample.points[i];
    }
    if (squares == 0 || products <= 0) {
        return {0, power};
    }
    return {products / squares, power - products * products / squares};
}

class LearnedThresholdsTrainable final : public SliceTrainable {
public:
    LearnedThresholdsTrainable(const FitInput& input, int levels, bool isHalfWave, FatnnQuantizer::Scale rule)
        : SliceTrainable(true), m_isHalfWave(isHalfWave) {
        LearnedParameter slopes;
        slopes.name = "slopes";
        slopes.perSlice = levels - 1;
        slopes.minimum = 1e-6F;
        const std::size_t slopesIndex = declare(std::move(slopes));
        LearnedParameter scale;
        scale.name = "scale";
        scale.minimum = 0;
        scale.isLearnedByGradient = false;
        const std::size_t scaleIndex = declare(std::move(scale));
        for (const FitSlice& slice : input.slices) {
            const auto [slope, factor] = evenSteps(slice, levels);
            start(slopesIndex, std::vector<double>(static_cast<std::size_t>(levels - 1), slope));
            const std::array<double, 1> first{rule == FatnnQuantizer::Scale::One ? 1.0 : factor};
            start(scaleIndex, first);
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        const LearnedThresholds steps = stepsOf(values);
        std::vector<float> witness;
        if (m_isHalfWave) {
            double offset = 0;
            witness.push_back(0.0F);
            for (const double slope : steps.slopes) {
                offset += 1.0 / slope;
                witness.push_back(static_cast<float>(offset));
            }
        } else {
            witness = {static_cast<float>(-1.0 / steps.slopes[0]), 0.0F,
                       static_cast<float>(1.0 / steps.slopes[1])};
        }
        return tableGrid(
            {tableOfKernel([&](std::span<const float> in, std::span<float> out) { apply(in, out, values); },
                           witness)},
            std::nullopt);
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const override {
        apply(x, out, values);
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const float scale = values[1][0];
        std::vector<float> scaled(gradient.begin(), gradient.end());
        for (float& g : scaled) {
            g *= scale;
        }
        const std::vector<double> slopes = learnedThresholdsBackward(x, scaled, gradientX, stepsOf(values));
        for (std::size_t i = 0; i < slopes.size(); ++i) {
            gradients[0][i] += slopes[i];
        }
    }

private:
    LearnedThresholds stepsOf(SliceValues values) const {
        return {std::vector<double>(values[0].begin(), values[0].end()), m_isHalfWave};
    }
    void apply(std::span<const float> x, std::span<float> out, SliceValues values) const {
        learnedThresholds(x, out, stepsOf(values));
        for (float& y : out) {
            y = y * values[1][0] + 0.0F;  // no -0
        }
    }
    /// The even slope of least error among 64, and its scale.
    std::pair<double, double> evenSteps(const FitSlice& slice, int levels) const {
        const FitSample sample = fitSample(slice);
        const std::vector<float> x(sample.points.begin(), sample.points.end());
        const double reach = m_isHalfWave ? std::max(slice.range.upper, 0.0) : magnitude(slice.range);
        std::pair<double, double> best{1.0, 1.0};
        double least = std::numeric_limits<double>::infinity();
        std::vector<float> codes(x.size());
        constexpr int kCandidates = 64;
        for (int i = 1; i <= kCandidates && reach > 0; ++i) {
            const double slope = kCandidates / (reach * i);
            if (slope > 1e37) {
                continue;  // no float: the range is as good as zero
            }
            const LearnedThresholds steps{std::vector<double>(static_cast<std::size_t>(levels - 1), slope),
                                          m_isHalfWave};
            learnedThresholds(x, codes, steps);
            const ScaledFit fit = fitScale(sample, codes);
            if (fit.scale > 0 && fit.error < least) {
                least = fit.error;
                best = {slope, fit.scale};
            }
        }
        return best;
    }

    bool m_isHalfWave;
};

/// Table of -negative, 0, positive about a threshold: strictly beyond it on both sides.
QParams ternaryGrid(float threshold, const TrainedTernary& levels) {
    const float lower = std::nextafter(-threshold, -std::numeric_limits<float>::infinity());
    return tableGrid({{{-levels.negative, 0.0F, levels.positive}, {lower, threshold}}}, std::nullopt);
}

class TernaryTrainable final : public SliceTrainable {
public:
    TernaryTrainable(const FitInput& input, double ratio, bool followsWeights)
        : SliceTrainable(!followsWeights), m_ratio(static_cast<float>(ratio)),
          m_followsWeights(followsWeights) {
        const std::size_t positive = declare(level("positive", true));
        const std::size_t negative = declare(level("negative", true));
        const std::size_t threshold = followsWeights ? 0 : declare(level("threshold", false));
        for (const FitSlice& slice : input.slices) {
            const double at = ratio * magnitude(slice.range);
            const FitSample sample = fitSample(slice);
            start(positive, std::array<double, 1>{meanBeyond(sample, at, 1.0)});
            start(negative, std::array<double, 1>{meanBeyond(sample, at, -1.0)});
            if (!followsWeights) {
                start(threshold, std::array<double, 1>{at});
            }
        }
    }

protected:
    QParams sliceGrid(std::span<const float> x, SliceValues values) const override {
        return ternaryGrid(thresholdOf(x, values), levelsOf(values));
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const override {
        trainedTernaryAt(thresholdOf(x, values), x, out, levelsOf(values));
        for (float& y : out) {
            y += 0.0F;  // a negative level of 0 must not leave -0
        }
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const TrainedTernaryGradient sums =
            trainedTernaryBackwardAt(thresholdOf(x, values), x, gradient, gradientX, levelsOf(values));
        gradients[0][0] += sums.positive;
        gradients[1][0] += sums.negative;
    }

private:
    static LearnedParameter level(std::string name, bool isLearned) {
        LearnedParameter parameter;
        parameter.name = std::move(name);
        parameter.minimum = 0;
        parameter.isLearnedByGradient = isLearned;
        return parameter;
    }
    static double meanBeyond(const FitSample& sample, double threshold, double sign) {
        double sum = 0;
        double weight = 0;
        for (std::size_t i = 0; i < sample.points.size(); ++i) {
            if (sign * sample.points[i] > threshold) {
                sum += sample.weights[i] * sign * sample.points[i];
                weight += sample.weights[i];
            }
        }
        return weight > 0 ? sum / weight : 0.0;
    }
    float thresholdOf(std::span<const float> x, SliceValues values) const {
        return m_followsWeights ? ternaryThreshold(x, m_ratio) : values[2][0];
    }
    TrainedTernary levelsOf(SliceValues values) const { return {values[0][0], values[1][0], m_ratio}; }

    float m_ratio;
    bool m_followsWeights;
};

[[noreturn]] void refuseBits(std::string_view quantizer, int bits, const char* possible) {
    throw Error(ErrorCode::InvalidConfig, "quantizer '" + std::string(quantizer) + "': has " + possible +
                                              ", not " + std::to_string(bits) +
                                              "; choose those or another quantizer");
}

}  // namespace

std::unique_ptr<TrainableQuantizer> FatnnQuantizer::start(const FitInput& input, BitWidth bits) const {
    const bool isHalfWave = !hasNegative(input);
    if (bits.bits() > 2 || (bits.bits() == 1 && !isHalfWave)) {
        refuseBits(kName, bits.bits(), "2 bits (ternary), or 1 where nothing is negative");
    }
    const int halfWaveLevels = bits.bits() == 1 ? 2 : (m_halfWave == Levels::Four ? 4 : 3);
    return std::make_unique<LearnedThresholdsTrainable>(input, isHalfWave ? halfWaveLevels : 3, isHalfWave,
                                                        m_scale);
}

std::unique_ptr<TrainableQuantizer> TtqQuantizer::start(const FitInput& input, BitWidth bits) const {
    if (bits.bits() != 2) {
        refuseBits(kName, bits.bits(), "2 bits");
    }
    const bool followsWeights = input.kind == SiteKind::Weight && !input.slices.front().values.empty();
    return std::make_unique<TernaryTrainable>(input, m_ratio, followsWeights);
}

}  // namespace bitlathe::core
