#include "core/quantizers/lsq_quantizer.h"

#include "core/quantizers/fit_sample.h"
#include "core/quantizers/grid.h"
#include "core/quantizers/learned_clip.h"
#include "core/quantizers/learned_step.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>

namespace bitlathe::core {

namespace {

constexpr float kSmallestStep = 1e-8F;

LearnedParameter positive(std::string name) {
    LearnedParameter parameter;
    parameter.name = std::move(name);
    parameter.minimum = kSmallestStep;
    return parameter;
}

QParams uniformGrid(float step, const CodeLimits& codes) {
    QParams grid;
    grid.scale = {step};
    grid.zeroPoint = {0};
    grid.quantMin = codes.minimum;
    grid.quantMax = codes.maximum;
    return grid;
}

/// The range's own step: its reach over the codes of that side.
double rangeStep(const Range& range, const CodeLimits& codes) {
    const double reach = codes.minimum < 0 ? magnitude(range) : std::max(range.upper, 0.0);
    return reach > 0 ? reach / codes.maximum : 1.0;
}

class LearnedStepTrainable final : public SliceTrainable {
public:
    /// `firstStep`: where a slice's step starts.  `owner`: the quantizer's name, for messages.
    LearnedStepTrainable(const FitInput& input, const CodeLimits& codes, std::string_view owner,
                         const std::function<double(const FitSlice&)>& firstStep)
        : SliceTrainable(true), m_codes(codes), m_owner(owner),
          m_gradientScale(lsqGradientScale(sharedBy(input.slices[0]), codes.maximum)) {
        const std::size_t step = declare(positive("step"));
        for (const FitSlice& slice : input.slices) {
            start(step, std::array<double, 1>{firstStep(slice)});
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        requirePositive(values[0][0], m_owner, "step");
        return uniformGrid(toScale(static_cast<double>(values[0][0]), m_codes.steps()), m_codes);
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const LearnedStep grid{values[0][0], 0.0F, m_codes.minimum, m_codes.maximum};
        gradients[0][0] += learnedStepBackward(x, gradient, gradientX, grid, m_gradientScale).step;
    }

private:
    CodeLimits m_codes;
    std::string_view m_owner;
    double m_gradientScale;
};

/// The clip whose grid loses least on the slice, among 64 fractions of its reach.
double bestClip(const FitSlice& slice, const LearnedClip& shape) {
    const FitSample sample = fitSample(slice);
    const double reach = shape.isHalfWave ? std::max(slice.range.upper, 0.0) : magnitude(slice.range);
    if (reach <= 0) {
        return 1.0;
    }
    const std::vector<float> x(sample.points.begin(), sample.points.end());
    std::vector<float> y(x.size());
    constexpr int kCandidates = 64;
    double best = reach;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 1; i <= kCandidates; ++i) {
        LearnedClip grid = shape;
        grid.clip = static_cast<float>(reach * i / kCandidates);
        if (!(grid.clip > 0.0F)) {
            continue;
        }
        learnedClip(x, y, grid);
        double error = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double distance = static_cast<double>(x[k]) - static_cast<double>(y[k]);
            error += sample.weights[k] * distance * distance;
        }
        if (error < least) {
            least = error;
            best = static_cast<double>(grid.clip);
        }
    }
    return best;
}

class LearnedClipTrainable final : public SliceTrainable {
public:
    LearnedClipTrainable(const FitInput& input, int levels, bool isHalfWave, LsqQuantizer::Start rule)
        : SliceTrainable(true) {
        m_shape.levels = levels;
        m_shape.isHalfWave = isHalfWave;
        m_gradientScale =
            std::pow(levels - 1.0, 1.5) / std::sqrt(static_cast<double>(sharedBy(input.slices[0])));
        const std::size_t clip = declare(positive("clip"));
        for (const FitSlice& slice : input.slices) {
            const double reach = isHalfWave ? std::max(slice.range.upper, 0.0) : magnitude(slice.range);
            const std::array<double, 1> first{rule == LsqQuantizer::Start::Published
                                                  ? bestClip(slice, m_shape)
                                              : reach > 0 ? reach
                                                          : 1.0};
            start(clip, first);
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        requirePositive(values[0][0], LsqQuantizer::kName, "clip");
        const LearnedClip grid = with(values[0][0]);
        std::vector<float> witness;
        const float lower = grid.isHalfWave ? 0.0F : -grid.clip;
        for (int k = 0; k < grid.levels; ++k) {
            const auto share = static_cast<float>(k) / static_cast<float>(grid.levels - 1);
            witness.push_back(lower + share * (grid.clip - lower));
        }
        return tableGrid({tableOfKernel([&](std::span<const float> in,
                                            std::span<float> out) { learnedClip(in, out, grid); },
                                        witness)},
                         std::nullopt);
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const override {
        learnedClip(x, out, with(values[0][0]));
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        gradients[0][0] += m_gradientScale * learnedClipBackward(x, gradient, gradientX, with(values[0][0]));
    }

private:
    LearnedClip with(float clip) const {
        LearnedClip grid = m_shape;
        grid.clip = clip;
        return grid;
    }

    LearnedClip m_shape;
    double m_gradientScale = 1;
};

class LearnedOffsetTrainable final : public SliceTrainable {
public:
    LearnedOffsetTrainable(const FitInput& input, int bits)
        : SliceTrainable(true), m_codes(unsignedCodes(bits)), m_bits(bits),
          m_gradientScale(lsqGradientScale(sharedBy(input.slices[0]), m_codes.maximum)) {
        const std::size_t step = declare(positive("step"));
        LearnedParameter offset;
        offset.name = "offset";
        const std::size_t second = declare(std::move(offset));
        for (const FitSlice& slice : input.slices) {
            const double width = slice.range.width();
            const std::array<double, 1> firstStep{width > 0 ? width / m_codes.maximum : 1.0};
            const std::array<double, 1> firstOffset{slice.range.lower};
            start(step, firstStep);
            start(second, firstOffset);
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        requirePositive(values[0][0], LsqPlusQuantizer::kName, "step");
        if (values[1][0] == 0.0F) {
            return uniformGrid(toScale(static_cast<double>(values[0][0]), m_codes.steps()), m_codes);
        }
        requireTableBits(m_bits, LsqPlusQuantizer::kName);
        const LearnedStep grid = with(values);
        std::vector<float> witness;
        for (std::int32_t code = m_codes.minimum; code <= m_codes.maximum; ++code) {
            witness.push_back(static_cast<float>(code) * grid.step + grid.offset);
        }
        return tableGrid({tableOfKernel([&](std::span<const float> in,
                                            std::span<float> out) { learnedStep(in, out, grid); },
                                        witness)},
                         std::nullopt);
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues values) const override {
        learnedStep(x, out, with(values));
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const LearnedStepGradient sums =
            learnedStepBackward(x, gradient, gradientX, with(values), m_gradientScale);
        gradients[0][0] += sums.step;
        gradients[1][0] += sums.offset;
    }

private:
    LearnedStep with(SliceValues values) const {
        return {values[0][0], values[1][0], m_codes.minimum, m_codes.maximum};
    }

    CodeLimits m_codes;
    int m_bits;
    double m_gradientScale;
};

/// Where LSQ's step starts; 1 for an all-zero slice.
double lsqStart(const FitSlice& slice, const CodeLimits& codes, LsqQuantizer::Start rule) {
    if (rule == LsqQuantizer::Start::Range) {
        return rangeStep(slice.range, codes);
    }
    const double mean = momentsOf(fitSample(slice)).meanMagnitude;
    return mean > 0 ? static_cast<double>(lsqInitialStep(mean, codes.maximum)) : 1.0;
}

/// Where LSQ+'s step of a weight starts; 1 for an all-zero slice.
double lsqPlusWeightStart(const FitSlice& slice, int bits) {
    const SampleMoments moments = momentsOf(fitSample(slice));
    return moments.meanMagnitude > 0
               ? static_cast<double>(lsqPlusInitialStep(moments.mean, moments.deviation, bits))
               : 1.0;
}

[[noreturn]] void refuseOneBit(std::string_view quantizer) {
    throw Error(ErrorCode::InvalidConfig,
                "quantizer '" + std::string(quantizer) +
                    "': 1 bit with a sign has no positive code; use 2 bits or more, "
                    "its clip grid, or a binary quantizer");
}

}  // namespace

std::unique_ptr<TrainableQuantizer> LsqQuantizer::start(const FitInput& input, BitWidth bits) const {
    const bool isFullWave = hasNegative(input);
    const bool isClip = m_grid == Grid::Clip || (m_grid == Grid::Auto && isFullWave && bits.bits() <= 2);
    if (isClip) {
        requireTableBits(bits.bits(), kName);
        return std::make_unique<LearnedClipTrainable>(input, bits.levels(), !isFullWave, m_start);
    }
    if (isFullWave && bits.bits() == 1) {
        refuseOneBit(kName);
    }
    const CodeLimits codes = isFullWave ? signedCodes(bits.bits()) : unsignedCodes(bits.bits());
    return std::make_unique<LearnedStepTrainable>(
        input, codes, kName, [&](const FitSlice& slice) { return lsqStart(slice, codes, m_start); });
}

std::unique_ptr<TrainableQuantizer> LsqPlusQuantizer::start(const FitInput& input, BitWidth bits) const {
    if (input.kind == SiteKind::Weight) {
        if (bits.bits() == 1) {
            refuseOneBit(kName);
        }
        // LSQ with another start.
        return std::make_unique<LearnedStepTrainable>(
            input, signedCodes(bits.bits()), kName,
            [&](const FitSlice& slice) { return lsqPlusWeightStart(slice, bits.bits()); });
    }
    return std::make_unique<LearnedOffsetTrainable>(input, bits.bits());
}

}  // namespace bitlathe::core
