#pragma once

#include "core/graph/graph.h"

#include <map>
#include <vector>

namespace bitlathe::core {

/// Inference-time batch norm as what it does to each channel (README eq. 8): y = scale x + shift with
///   scale = γ / sqrt(σ² + ε)      shift = β - µ scale
/// in double, because it is computed once and its rounding would otherwise add to that of quantization.
/// Undefined γ counts as 1, undefined β as 0.
struct ChannelAffine {
    std::vector<double> scale;
    std::vector<double> shift;
};

ChannelAffine channelAffine(const BatchNormOp& norm);

/// Which batch norm each convolution or linear can take in, by node: the one that reads it and nothing else does,
/// with as many channels.
std::map<NodeId, NodeId> batchNormPartners(const Graph& graph);

/// Weights, and bias with shift, of an operator after batch norm (README eq. 8). `weight` has the output channels
/// in dimension 0; `bias` may be undefined.
FloatTensor foldedWeights(const FloatTensor& weight, const ChannelAffine& affine);
FloatTensor foldedBias(const FloatTensor& bias, const ChannelAffine& affine);

}  // namespace bitlathe::core
