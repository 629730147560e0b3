#pragma once

#include "core/graph/layer.h"

namespace bitlathe::core {

/// Folds every batch norm that follows a convolution or linear with no other reader (README eq. 8), groups operators
/// into layers and infers shapes. A batch norm with no such partner stays a node of its own.
/// graph  as imported; shapes are inferred from `inputShape` when given, else from the graph's own input shape.
/// Errors ShapeMismatch; ModelFormat when no input shape is known.
PreparedModel prepare(const Graph& graph, const Shape& inputShape = {});

/// The folding alone, for tests and for QAT.
Graph foldBatchNorm(const Graph& graph);

}  // namespace bitlathe::core
