#pragma once

#include "core/ptq/post_training.h"

#include <map>
#include <optional>
#include <vector>

namespace bitlathe::core {

/// Mean of clamp(x, lower, upper) for x normal (README eq. 51): with a = (lower - µ) / σ, b = (upper - µ) / σ
///   E = lower Φ(a) + upper (1 - Φ(b)) + µ (Φ(b) - Φ(a)) + σ (φ(a) - φ(b))
/// Bounds may be infinite; σ = 0 gives clamp(µ).
double clampedNormalMean(double mean, double deviation, double lower, double upper) noexcept;

/// Mean of each channel of a node's value, as batch norm says (README eq. 51): a layer's output from the normal in front
/// of its activation, sums, concatenations, flattens and averages of those. Empty where the values pass through
/// something else (the image, a max pool, other activations): those means come from data.
std::optional<std::vector<double>> expectedValue(const PostTrainingState& state, NodeId node);

/// What a shift of the inputs' mean and an error of the weights do to the mean of each output channel:
///   sum over inputs i and places of difference[c, i, place] mean[i]
/// README eq. 50; zero padding is left out of account, as published. `difference` is laid out as the layer's weights.
std::vector<double> outputShift(const Graph& graph, const Layer& layer, const std::vector<double>& difference,
                                const std::vector<double>& inputMean);

}  // namespace bitlathe::core
