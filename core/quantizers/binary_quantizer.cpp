#include "core/quantizers/binary_quantizer.h"

#include "core/quantizers/fit_sample.h"
#include "core/quantizers/level_table.h"
#include "core/types/error.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace bitlathe::core {

namespace {

using Gradient = XnorQuantizer::Gradient;

/// Minus the smallest float: zero is above it, every negative number is not.
constexpr float kJustBelowZero = -std::numeric_limits<float>::denorm_min();

QParams signGrid(float scale) {
    return tableGrid({{{-scale, scale}, {kJustBelowZero}}}, std::nullopt);
}

void requireOneBit(BitWidth bits, std::string_view quantizer) {
    if (bits.bits() != 1) {
        throw Error(ErrorCode::InvalidConfig, "quantizer '" + std::string(quantizer) + "': has 1 bit, not " +
                                                  std::to_string(bits.bits()) +
                                                  "; choose 1 bit or another quantizer");
    }
}

SignGradient signGradient(Gradient gradient, bool isWeight) {
    switch (gradient) {
    case Gradient::Clipped:
        return SignGradient::Clipped;
    case Gradient::Triangle:
        return SignGradient::Triangle;
    case Gradient::Auto:
        return isWeight ? SignGradient::Pass : SignGradient::Triangle;
    default:
        return SignGradient::Pass;
    }
}

/// The scale is the mean magnitude of the weights as they are.
class BinaryWeights final : public SliceTrainable {
public:
    explicit BinaryWeights(Gradient gradient) : SliceTrainable(false), m_gradient(gradient) {}

protected:
    QParams sliceGrid(std::span<const float> x, SliceValues /*values*/) const override {
        return signGrid(static_cast<float>(meanMagnitude(x)));
    }
    void sliceForward(std::span<const float> x, std::span<float> out, SliceValues /*values*/) const override {
        binarise(x, out, static_cast<float>(meanMagnitude(x)));
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues /*values*/, SliceGradients /*gradients*/) const override {
        if (m_gradient == Gradient::Printed || m_gradient == Gradient::FullJacobian) {
            xnorWeightsBackward(x, gradient, gradientX, static_cast<float>(meanMagnitude(x)),
                                m_gradient == Gradient::Printed ? XnorGradient::Printed
                                                                : XnorGradient::FullJacobian);
            return;
        }
        binariseBackward(x, gradient, gradientX, signGradient(m_gradient, true));
    }

private:
    Gradient m_gradient;
};

/// The scale is a number of its own: given (XNOR activations) or learned (XNOR++).
class ScaledSign final : public SliceTrainable {
public:
    ScaledSign(const FitInput& input, SignGradient gradient, bool isLearned)
        : SliceTrainable(true), m_gradient(gradient) {
        LearnedParameter scale;
        scale.name = "scale";
        scale.minimum = 0;
        scale.isLearnedByGradient = isLearned;
        const std::size_t index = declare(std::move(scale));
        for (const FitSlice& slice : input.slices) {
            const std::array<double, 1> first{momentsOf(fitSample(slice)).meanMagnitude};
            start(index, first);
        }
    }

protected:
    QParams sliceGrid(std::span<const float> /*x*/, SliceValues values) const override {
        return signGrid(std::fabs(values[0][0]));
    }
    void sliceBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                       SliceValues /*values*/, SliceGradients gradients) const override {
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            sum += static_cast<double>(x[i] < 0.0F ? -gradient[i] : gradient[i]);
        }
        gradients[0][0] += sum;
        binariseBackward(x, gradient, gradientX, m_gradient);
    }

private:
    SignGradient m_gradient;
};

}  // namespace

std::unique_ptr<TrainableQuantizer> XnorQuantizer::start(const FitInput& input, BitWidth bits) const {
    requireOneBit(bits, kName);
    if (input.kind == SiteKind::Weight && !input.slices.front().values.empty()) {
        return std::make_unique<BinaryWeights>(m_gradient);
    }
    return std::make_unique<ScaledSign>(input, signGradient(m_gradient, false), false);
}

std::unique_ptr<TrainableQuantizer> XnorPlusPlusQuantizer::start(const FitInput& input, BitWidth bits) const {
    requireOneBit(bits, kName);
    return std::make_unique<ScaledSign>(input, m_gradient, true);
}

}  // namespace bitlathe::core
