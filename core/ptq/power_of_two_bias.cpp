#include "core/ptq/power_of_two_bias.h"

#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/power_of_two_quantizer.h"

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

double largestMagnitude(std::span<const float> values) {
    double largest = 0;
    for (const float x : values) {
        largest = std::max(largest, std::fabs(static_cast<double>(x)));
    }
    return largest;
}

}  // namespace

double constrainedWeightScale(std::span<const float> bias, double weightScale,
                              const PowerOfTwoLayer& layer) noexcept {
    const double largest = largestMagnitude(bias);
    if (largest == 0) {
        return weightScale;
    }
    const double joint = std::ldexp(1.0, 2 * layer.bits - 1 - ceilLog2(largest));
    return std::min(weightScale, joint / layer.inputScale);
}

std::vector<float> powerOfTwoBias(std::span<const float> bias, double weightScale,
                                  const PowerOfTwoLayer& layer, BiasConstraint constraint) {
    const double reach = largestMagnitude(bias);
    const PowerOfTwoQuantizer quantizer(Rounding::HalfAway, PowerOfTwoQuantizer::Sign::Signed);
    const QParams own = quantizer.qparams(Range{-reach, reach}, BitWidth(layer.bits));
    std::vector<float> result(bias.size());
    fakeQuantize(bias, result, own);
    if (constraint != BiasConstraint::Accumulator) {
        return result;
    }
    const double joint = layer.inputScale * weightScale;
    const double ratio = std::trunc(joint * static_cast<double>(own.scale[0]));
    const double largestInput = std::ldexp(1.0, layer.isInputSigned ? layer.bits - 1 : layer.bits) - 1;
    const double accumulatorLimit = std::ldexp(1.0, 2 * layer.bits - 1);
    const double factorLimit = std::ldexp(1.0, layer.bits - 1);
    for (float& b : result) {
        const double scaled = static_cast<double>(b) * joint;
        if (ratio > largestInput) {
            const double limited = std::clamp(scaled, -accumulatorLimit, accumulatorLimit - 1);
            const double factor =
                std::clamp(std::trunc(limited / largestInput), -factorLimit, factorLimit - 1);
            b = static_cast<float>(factor * largestInput / joint);
        } else {
            b = static_cast<float>(std::trunc(scaled) / joint);
        }
    }
    return result;
}

}  // namespace bitlathe::core
