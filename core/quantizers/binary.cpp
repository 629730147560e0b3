#include "core/quantizers/binary.h"

#include <cmath>

namespace bitlathe::core {

void binarise(std::span<const float> in, std::span<float> out, float scale) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        out[i] = in[i] < 0.0F ? -scale : scale;
    }
}

void binariseBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                      SignGradient kind) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        const float magnitude = std::fabs(x[i]);
        float slope = 1.0F;
        if (kind == SignGradient::Clipped) {
            slope = magnitude < 1.0F ? 1.0F : 0.0F;
        } else if (kind == SignGradient::Triangle) {
            slope = magnitude < 1.0F ? 2.0F - 2.0F * magnitude : 0.0F;
        }
        gradientX[i] = gradient[i] * slope;
    }
}

double meanMagnitude(std::span<const float> values) noexcept {
    double sum = 0;
    for (const float x : values) {
        sum += std::fabs(static_cast<double>(x));
    }
    return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

void xnorWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                         std::span<float> gradientWeights, float scale, XnorGradient kind) {
    const double share = 1.0 / static_cast<double>(weights.size());
    const auto sign = [](float w) { return w < 0.0F ? -1.0 : 1.0; };
    double throughScale = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        throughScale += static_cast<double>(gradient[i]) * sign(weights[i]);
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto g = static_cast<double>(gradient[i]);
        const double own = std::fabs(weights[i]) <= 1.0F ? static_cast<double>(scale) * g : 0.0;
        const double coupled =
            kind == XnorGradient::Printed ? share * g : share * sign(weights[i]) * throughScale;
        gradientWeights[i] = static_cast<float>(coupled + own);
    }
}

}  // namespace bitlathe::core
