#pragma once

#include "core/ptq/post_training.h"

#include <span>
#include <string_view>
#include <vector>

namespace bitlathe::core {

// What post-training methods share: which layers they may touch, and changing a layer's tensors.

/// Layers with quantized weights that take post-training methods, in execution order.
/// Errors  InvalidConfig naming the method: there is none.
std::vector<const Layer*> correctableLayers(const PostTrainingState& state, std::string_view method);

/// True where the configuration lets methods change this layer.
bool takesPostTraining(const QuantConfig& config, const LayerId& id);

/// Replaces the weights of a convolution or linear; same number of values.
void setLayerWeights(PreparedModel& model, const Layer& layer, std::vector<float> values);
/// Replaces the bias, or gives the layer one.
void setLayerBias(PreparedModel& model, const Layer& layer, std::vector<float> values);
/// Adds to the bias; a layer without one gets it. `delta` has one entry per output channel.
void addToBias(PreparedModel& model, const Layer& layer, std::span<const double> delta);

/// The weights as the plan computes with them: on their grid, and corrected by its WeightAffine. In the units of the
/// grid (batch norm folded in for BatchNormMode::FakeBn).
std::vector<float> quantizedWeights(const PreparedModel& model, const Layer& layer, const QuantPlan& plan);

}  // namespace bitlathe::core
