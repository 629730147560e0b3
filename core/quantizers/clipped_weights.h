#pragma once

#include "core/types/qparams.h"
#include "core/types/range.h"

#include <span>

namespace bitlathe::core {

/// Grid anchored at real zero, as wide as the range and no wider: step = width / (2^bits - 1) (a zero
/// width counts as 1), zeroPoint = -round(lower / step), codes 0 .. 2^bits - 1. Where the range holds zero this is
/// AffineQuantizer's grid; where it does not, the zero point lies outside the codes: fine for weights, which
/// are never padded.
QParams anchoredGrid(const Range& range, int bits);

/// Weights clipped to learned thresholds, then spread over an affine grid of what is left (PerLayerAsymPACT
/// of Rusci et al., README eq. 33):
///   clipped = clamp(w, min(lower, 0), max(upper, 0));   grid = affine over the extrema of the clipped
///   weights
/// The grid follows the data, not the thresholds: thresholds wider than the weights change nothing.
/// Codes come from fakeQuantize(w, grid), which clips by itself.
QParams clippedWeightGrid(std::span<const float> weights, const Range& thresholds, int bits);

struct ThresholdGradient {
    double lower = 0;
    double upper = 0;
};

/// dw = g strictly between the thresholds (as clippedWeightGrid takes them: min(lower, 0), max(upper, 0)), else 0; each
/// threshold gathers the gradient of the weights on and beyond it. `weights` are the real ones: masks taken on quantized weights (a defect of the reference's
/// training loop) silence whole end bins.
ThresholdGradient clippedWeightsBackward(std::span<const float> weights, std::span<const float> gradient,
                                         std::span<float> gradientWeights, const Range& thresholds);

/// Start of the thresholds: ten rounds that alternate between the codes of a symmetric window about the mean
/// and the least-squares step for these codes. Source  training-mixed-precision-quantized-networks (Rusci et
/// al. 2019, arXiv:1905.13082).
Range projectedThresholds(std::span<const float> weights, int bits);

}  // namespace bitlathe::core
