#include "core/plan/quantized_bias.h"

#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace bitlathe::core {

QuantizedBias quantizedBias(std::span<const float> bias, const QParams& input, const QParams& weight) {
    if (!input.isUniform() || !weight.isUniform()) {
        throw Error(
            ErrorCode::InvalidConfig,
            "bias codes need evenly spaced levels of input and weights, whose products share one step; "
            "leave the bias float or choose uniform quantizers");
    }
    if (input.scale.size() != 1) {
        throw Error(ErrorCode::InvalidConfig, "bias codes need one input scale, but the input has " +
                                                  std::to_string(input.scale.size()) +
                                                  "; quantize the layer's input per tensor");
    }
    if (weight.scale.size() != 1 && weight.scale.size() != bias.size()) {
        throw Error(ErrorCode::ShapeMismatch, std::to_string(bias.size()) + " bias values for " +
                                                  std::to_string(weight.scale.size()) + " weight scales");
    }
    QuantizedBias result;
    for (const float weightScale : weight.scale) {
        const double product = static_cast<double>(input.scale[0]) * static_cast<double>(weightScale);
        result.scale.push_back(static_cast<float>(std::clamp<double>(
            product, std::numeric_limits<float>::min(), std::numeric_limits<float>::max())));
    }
    constexpr double kLowest = std::numeric_limits<std::int32_t>::min();
    constexpr double kHighest = std::numeric_limits<std::int32_t>::max();
    for (std::size_t c = 0; c < bias.size(); ++c) {
        if (!std::isfinite(bias[c])) {
            throw Error(ErrorCode::NonFiniteInput,
                        "bias of output channel " + std::to_string(c) + " is not finite");
        }
        // Double: the quotient needs up to 31 bits, float has 24.
        const double scale = result.scale[result.scale.size() == 1 ? 0 : c];
        const double code = roundTo(static_cast<double>(bias[c]) / scale, Rounding::HalfEven);
        result.codes.push_back(static_cast<std::int32_t>(std::clamp(code, kLowest, kHighest)));
    }
    return result;
}

}  // namespace bitlathe::core
