#pragma once

#include "core/data/batches.h"
#include "core/engine/engine.h"
#include "core/run/run_context.h"
#include "engine/graph_executor.h"

namespace bitlathe::engine {

/// Top-1 and mean cross entropy of a classifier over all batches. The first of equal outputs wins, as in
/// numpy.argmax. A graph that ends in a softmax is scored on its probabilities, floored at 1e-12. Errors
/// ShapeMismatch: images that do not fit the model, labels the model has no output for.
///         NonFiniteInput: the model's output is not finite.
core::EvaluationResult evaluateClassifier(const GraphExecutor& executor, const core::BatchSource& data,
                                          const core::RunContext& context);

/// Errors  ShapeMismatch with both shapes, unless a batch of shape N,C,H,W fits the graph's input.
void requireInputShape(const core::Graph& graph, const core::Shape& batchShape);

/// Errors  ShapeMismatch: the model has no output for the label.
void requireLabel(std::int64_t label, std::int64_t classes, const core::Graph& graph);

}  // namespace bitlathe::engine
