#pragma once

#include "core/graph/graph.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace bitlathe::engine {

/// A node's weights as tensors; undefined where the operator has none.
struct NodeTensors {
    at::Tensor weight, bias;  ///< convolution, linear
    at::Tensor padding;       ///< convolution: what surrounds its input, [C] or [1]; undefined: zero
    at::Tensor gamma, beta, mean, variance;  ///< batch norm
};

/// What a pass is for.
enum class ExecutionMode {
    Inference,  ///< running statistics in batch norm; values nobody else holds may be overwritten
    Training,  ///< batch statistics in batch norm, running ones updated; values are kept for the backward pass
};

/// True when the handle is the only one to memory of LibTorch's own, so that an operator may overwrite it.
/// Views of a graph's weights or of a batch never qualify.
bool isSoleOwner(const at::Tensor& tensor);

/// Computes one node.
/// inputs  in the node's order, N,C,H,W or N,features. Handed over: in Inference, an input whose memory
/// nobody else holds
///         may be reused for the result.
at::Tensor applyOperator(const core::Node& node, const NodeTensors& tensors, std::vector<at::Tensor> inputs,
                         ExecutionMode mode);

}  // namespace bitlathe::engine
