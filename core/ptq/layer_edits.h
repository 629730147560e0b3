#pragma once

#include "core/ptq/post_training.h"

#include <span>
#include <string_view>
#include <vector>

namespace bitlathe::core {

// What post-training methods share: which layers they may touch, and changing a layer's tensors.

/// The float model to compare with: PreparedModel::floatGraph with the same layers.
PreparedModel floatModel(const PreparedModel& model);

/// Layers with quantized weights that take post-training methods, in execution order.
/// Errors  InvalidConfig naming the method: there is none.
std::vector<const Layer*> correctableLayers(const PostTrainingState& state, std::string_view method);

/// True where the configuration lets methods change this layer.
bool takesPostTraining(const QuantConfig& config, const LayerId& id);

/// Replaces the weights of a convolution or linear; same number of values.
void setLayerWeights(PreparedModel& model, const Layer& layer, std::vector<float> values);
/// Replaces the weights by ones in the units of the layer's grid: for BatchNormMode::FakeBn the kept batch norm is
/// divided out again (a channel it scales by zero keeps its weights).
void setQuantizedWeights(PreparedModel& model, const Layer& layer, BatchNormMode mode,
                         std::span<const float> values);
/// Replaces the bias, or gives the layer one.
void setLayerBias(PreparedModel& model, const Layer& layer, std::vector<float> values);
/// Adds to what stands before the layer's activation (preActivationNode): to the bias, or to the β of a batch norm that
/// is kept. A layer without bias gets one. `delta` has one entry per output channel.
void addBeforeActivation(PreparedModel& model, const Layer& layer, std::span<const double> delta);

}  // namespace bitlathe::core
