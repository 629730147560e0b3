#include "core/quantizers/asym_quantizers.h"

#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/clipped_weights.h"
#include "core/quantizers/fit_sample.h"
#include "core/quantizers/gemmlowp_grid.h"
#include "core/quantizers/grid.h"
#include "core/quantizers/level_table.h"
#include "core/quantizers/mid_tread.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace bitlathe::core {

namespace {

QParams affineGrid(const Range& range, int bits) {
    return AffineQuantizer().Quantizer::qparams(range, BitWidth(bits));
}

/// The grid of weights clipped at thresholds; what is left of them may miss zero, and a grid must not.
QParams clippedGrid(std::span<const float> x, const Range& thresholds, int bits) {
    if (x.empty()) {
        return affineGrid(thresholds, bits);
    }
    const QParams grid = clippedWeightGrid(x, thresholds, bits);
    if (grid.zeroPoint[0] >= grid.quantMin && grid.zeroPoint[0] <= grid.quantMax) {
        return grid;
    }
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    return affineGrid({std::clamp(static_cast<double>(*low), thresholds.lower, thresholds.upper),
                       std::clamp(static_cast<double>(*high), thresholds.lower, thresholds.upper)},
                      bits);
}

class ThresholdsTrainable final : public SliceTrainable {
public:
    ThresholdsTrainable(const FitInput& input, int bits, AsymPactQuantizer::Start rule, bool followsWeights)
        : SliceTrainable(!followsWeights), m_bits(bits) {
        LearnedParameter lower;
        lower.name = "lower";
        lower.maximum = 0;
        LearnedParameter upper;
        upper.name = "upper";
        upper.minimum = 0;
        lower.isDecayed = upper.isDecayed = true;
        const std::size_t lowerIndex = declare(std::move(lower));
        const std::size_t upperIndex = declare(std::move(upper));
        for (const FitSlice& slice : input.slices) {
            Range first = slice.range;
            if (rule == AsymPactQuantizer::Start::Projection) {
                const FitSample sample = fitSample(slice);
                const std::vector<float> values(sample.points.begin(), sample.points.end());
                first = projectedThresholds(followsWeights ? clippedValues(slice) : values, bits);
            }
            start(lowerIndex, std::array<double, 1>{first.lower});
            start(upperIndex, std::array<double, 1>{first.upper});
        }
    }

protected:
    QParams sliceGrid(std::span<const float> x, SliceValues values) const override {
        return clippedGrid(isElementwise() ? std::span<const float>() : x, thresholdsOf(values), m_bits);
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const ThresholdGradient sums = clippedWeightsBackward(x, gradient, gradientX, thresholdsOf(values));
        gradients[0][0] += sums.lower;
        gradients[1][0] += sums.upper;
    }

private:
    static Range thresholdsOf(SliceValues values) {
        return {static_cast<double>(values[0][0]), static_cast<double>(values[1][0])};
    }

    int m_bits;
};

QParams gemmlowpSlice(const Range& range, int bits, GemmlowpQuantizer::Zero zero) {
    const bool holdsZero = range.lower <= 0.0 && range.upper >= 0.0;
    if (range.width() == 0.0 || holdsZero || bits > kMaxTableBits) {
        return affineGrid(range, bits);  // where the range holds zero, the same scale and zero point
    }
    const GemmlowpGrid grid = zero == GemmlowpQuantizer::Zero::Preserved ? gemmlowpGrid(range, bits)
                                                                         : gemmlowpTensorGrid(range, bits);
    std::vector<float> witness;
    for (int code = 0; code <= static_cast<int>(grid.quantMax); ++code) {
        witness.push_back(static_cast<float>(grid.hasZero ? (code - grid.zeroPoint) * grid.scale
                                                          : code * grid.scale + grid.offset));
    }
    return tableGrid({tableOfKernel([&](std::span<const float> in,
                                        std::span<float> out) { quantizeGemmlowp(in, out, {}, grid); },
                                    witness)},
                     std::nullopt);
}

QParams midTreadSlice(const Range& range, int bits, int bins) {
    const CodeLimits codes = unsignedCodes(bits);
    const Range extended = extendedToZero(range);
    const MidTread tread = midTreadForRange(extended.lower, extended.upper, bins == 0 ? codes.steps() : bins);
    QParams grid;
    const float step = tread.step > 0 ? toScale(tread.step, codes.steps()) : 1.0F;
    grid.scale = {step};
    const double lowest = std::nearbyint(extended.lower / static_cast<double>(step));
    grid.zeroPoint = {
        static_cast<std::int32_t>(std::clamp(-lowest, 0.0, static_cast<double>(codes.maximum)))};
    // Rounding both ends can add one code to the bins' own.
    grid.quantMax = bins == 0 ? codes.maximum : std::min(codes.maximum, bins + 1);
    return grid;
}

template <typename MakeSlice>
QParams perSlice(std::span<const Range> ranges, std::optional<int> axis, const MakeSlice& makeSlice) {
    std::vector<QParams> grids;
    for (const Range& range : ranges) {
        grids.push_back(makeSlice(range));
    }
    return joinGrids(std::move(grids), axis);
}

}  // namespace

QParams AsymMinMaxQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                     std::optional<int> axis) const {
    requireRanges(ranges, kName);
    return AffineQuantizer().qparams(ranges, bits, axis);
}

std::unique_ptr<TrainableQuantizer> AsymPactQuantizer::start(const FitInput& input, BitWidth bits) const {
    const bool followsWeights = input.kind == SiteKind::Weight && !input.slices.front().values.empty();
    return std::make_unique<ThresholdsTrainable>(input, bits.bits(), m_start, followsWeights);
}

QParams GemmlowpQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                   std::optional<int> axis) const {
    requireRanges(ranges, kName);
    return perSlice(ranges, axis,
                    [&](const Range& range) { return gemmlowpSlice(range, bits.bits(), m_zero); });
}

QParams MidTreadQuantizer::qparams(std::span<const Range> ranges, BitWidth bits,
                                   std::optional<int> axis) const {
    requireRanges(ranges, kName);
    if (m_bins > unsignedCodes(bits.bits()).maximum) {
        throw Error(ErrorCode::InvalidConfig,
                    "quantizer 'mid_tread': " + std::to_string(m_bins) + " bins need more than " +
                        std::to_string(bits.bits()) + " bits; use at most " +
                        std::to_string(unsignedCodes(bits.bits()).maximum) + " bins or more bits");
    }
    return perSlice(ranges, axis,
                    [&](const Range& range) { return midTreadSlice(range, bits.bits(), m_bins); });
}

}  // namespace bitlathe::core
