#pragma once

#include <span>

namespace bitlathe::core {

/// How the gradient passes the sign function.
enum class SignGradient {
    Pass,      ///< g everywhere
    Clipped,   ///< g where |x| < 1 (hard tanh)
    Triangle,  ///< g (2 - 2|x|) where |x| < 1 (Liu et al. 2018, arXiv:1808.00278, eq. 6)
};

/// x̂ = scale * sign(x), sign(0) = +1, NaN +1 (README eq. 15). The scale is a number, not a variable: no
/// gradient flows through it. XNOR-Net weights and DoReFa's at 1 bit: scale = meanMagnitude of the slice.
/// XNOR-Net activations: 1, or the mean magnitude over the channels (one per pixel) or over the pixels (one
/// per channel). XNOR++: a learned scale, its gradient is sum(g x̂) / scale. Source  Rastegari et al. 2016,
/// arXiv:1603.05279; Bulat and Tzimiropoulos 2019, arXiv:1909.13863 (XNOR-Net++).
void binarise(std::span<const float> in, std::span<float> out, float scale);
void binariseBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> gradientX,
                      SignGradient kind);

double meanMagnitude(std::span<const float> values) noexcept;

/// XNOR-Net's own weight gradients; n values share the scale, the mean of their magnitudes.
enum class XnorGradient {
    Printed,       ///< g (1/n + scale [|w| <= 1]), the form printed in Rastegari et al. 2016, section 3.1
    FullJacobian,  ///< sign(w)/n sum(g sign(w)) + scale g [|w| <= 1]: the scale's dependence on every weight
                   ///< of the slice
};
void xnorWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                         std::span<float> gradientWeights, float scale, XnorGradient kind);

}  // namespace bitlathe::core
