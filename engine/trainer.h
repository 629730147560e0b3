#pragma once

#include "core/engine/engine.h"

#include <functional>

namespace bitlathe::engine {

/// Float training by SGD with Nesterov momentum under a one-cycle schedule; cross entropy with label
/// smoothing. Batch norm uses the batch's statistics and updates the running ones (PyTorch's momentum,
/// unbiased variance). Weight decay acts on the weights of convolutions and linear layers alone: on biases
/// and batch norm's gamma and beta it would pull towards zero what only shifts and scales. A softmax at the
/// graph's end is left out of the loss's way. All random draws are BatchSource's; with one thread the same
/// data and options give the same bytes. Errors  InvalidConfig; ShapeMismatch; NonFiniteInput naming epoch
/// and batch when the loss is not finite.
core::Graph trainGraph(const core::Graph& graph, const core::BatchSource& trainData,
                       const core::BatchSource& testData, const core::TrainOptions& options,
                       const core::RunContext& context,
                       const std::function<void(const core::EpochReport&)>& onEpoch);

} // namespace bitlathe::engine
