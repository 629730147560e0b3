#include "core/quantizers/pact_quantizer.h"

#include "core/quantizers/grid.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitlathe::core {

namespace {

using Mask = ClippedActivation::Mask;

/// dx and dalpha of a clip on both sides.
double symmetricClipBackward(std::span<const float> x, std::span<const float> gradient,
                             std::span<float> gradientX, float alpha, Mask mask) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const float reach = std::fabs(x[i]);
        const float g = gradient[i];
        const bool isClipped = reach >= alpha;
        sum += isClipped ? static_cast<double>(x[i] > 0.0F ? g : -g) : 0.0;
        gradientX[i] = reach < alpha || (mask == Mask::Closed && reach == alpha) ? g : 0.0F;
    }
    return sum;
}

class PactTrainable final : public SliceTrainable {
public:
    PactTrainable(const FitInput& input, const CodeLimits& codes, const PactQuantizer::Options& options)
        : SliceTrainable(true), m_codes(codes), m_options(options) {
        LearnedParameter alpha;
        alpha.name = "alpha";
        alpha.minimum = 1e-6F;
        alpha.isLearnedByGradient = options.isLearned;
        alpha.isDecayed = options.isLearned;
        const std::size_t index = declare(std::move(alpha));
        for (const FitSlice& slice : input.slices) {
            const double reach =
                codes.minimum < 0 ? magnitude(slice.range) : std::max(slice.range.upper, 0.0);
            const std::array<double, 1> first{options.alpha > 0 ? options.alpha : (reach > 0 ? reach : 1.0)};
            start(index, first);
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        requirePositive(values[0][0], PactQuantizer::kName, "alpha");
        QParams grid;
        grid.scale = {toScale(static_cast<double>(values[0][0]) / m_codes.maximum, m_codes.steps())};
        grid.zeroPoint = {0};
        grid.quantMin = m_codes.minimum;
        grid.quantMax = m_codes.maximum;
        grid.rounding = m_options.rounding;
        return grid;
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues values, SliceGradients gradients) const override {
        const float alpha = values[0][0];
        if (m_codes.minimum < 0) {
            gradients[0][0] += symmetricClipBackward(x, gradient, gradientX, alpha, m_options.mask);
            return;
        }
        const ClippedActivation clip{alpha, m_codes.maximum, m_options.rounding, m_options.mask};
        gradients[0][0] += clippedActivationBackward(x, gradient, gradientX, clip);
    }

private:
    CodeLimits m_codes;
    PactQuantizer::Options m_options;
};

}  // namespace

std::unique_ptr<TrainableQuantizer> PactQuantizer::start(const FitInput& input, BitWidth bits) const {
    const bool isSigned = hasNegative(input);
    if (isSigned && bits.bits() == 1) {
        throw Error(ErrorCode::InvalidConfig,
                    "quantizer 'pact': 1 bit with a sign leaves zero as the only code; use "
                    "2 bits or more, or a binary quantizer");
    }
    return std::make_unique<PactTrainable>(
        input, isSigned ? narrowCodes(bits.bits()) : unsignedCodes(bits.bits()), m_options);
}

}  // namespace bitlathe::core
