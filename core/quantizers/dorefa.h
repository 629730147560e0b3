#pragma once

#include <span>

namespace bitlathe::core {

/// DoReFa weights (README eq. 14). With t = tanh(w), M = max|t| over the tensor, n = levels - 1:
///
///   z = t / (2 M) + 1/2       ŵ = 2 round(n z) / n - 1       (half even; levels -1 .. 1, none at zero when
///   even)
///
/// An all-zero tensor stays all zero. One bit is another scheme in the paper: see binaryWeights in binary.h.
/// (Activations of DoReFa are clippedActivation with alpha 1 and a closed mask.)
/// Source  Zhou et al. 2016, arXiv:1606.06160, eq. 9.
void dorefaWeights(std::span<const float> weights, std::span<float> out, int levels);
/// The same with M given, for values that are not the whole tensor; 0 gives zeros.
void dorefaValues(std::span<const float> values, std::span<float> out, int levels, double largestTanh);
/// M of a tensor.
double largestTanh(std::span<const float> weights) noexcept;

/// Straight through the rounding; the gradient flows through tanh and through M, whose element gets the share
/// of all (k elements of the same largest magnitude a k-th each):
///   dt = g / M,  at an element with |t| = M additionally -sign(t) sum(g t) / (k M²);   dw = dt (1 - t²)
void dorefaWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                           std::span<float> gradientWeights);

}  // namespace bitlathe::core
