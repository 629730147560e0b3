#pragma once

#include "core/engine/engine.h"

namespace bitlathe::engine {

/// Training as the task says (core/engine/engine.h): float, or with quantization in the loop. Batch norm uses
/// the batch's statistics and updates the running ones (PyTorch's momentum, unbiased variance). A softmax at
/// the graph's end is left out of the loss's way. All random draws are BatchSource's; with one thread the same
/// task gives the same bytes. Epochs are compared on the held-out images where the task has some, and the test
/// images are then read once, at the end. Errors  InvalidConfig; ShapeMismatch; NonFiniteInput naming epoch, batch and
/// layer when the loss is not finite.
core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                        const core::TrainObserver& observer);

}  // namespace bitlathe::engine
