#pragma once

#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <set>

namespace bitlathe::core {

/// Folds every batch norm that follows a convolution or linear with no other reader (README eq. 8), groups operators
/// into layers and infers shapes. A batch norm with no such partner stays a node of its own.
/// graph  as imported; shapes are inferred from `inputShape` when given, else from the graph's own input shape.
/// keep   layers whose batch norm is not folded but stays a node inside the layer (Layer::batchNorm). The layers
///        and their names are the same whatever is kept. Ids of layers without batch norm are passed over.
/// Errors ShapeMismatch; ModelFormat when no input shape is known.
PreparedModel prepare(const Graph& graph, const Shape& inputShape = {}, const std::set<LayerId>& keep = {});

/// The layers whose batch norm a configuration keeps: every mode but Folded.
std::set<LayerId> layersKeepingBatchNorm(const QuantConfig& config);

/// The model as the configuration's batch-norm modes want it, prepared anew from PreparedModel::imported; the
/// model itself where that changes nothing. Statistics belong to a model's hash: collect them on what this gives.
/// Errors  InvalidConfig: the configuration keeps a batch norm, but the graph before folding is not known.
PreparedModel preparedFor(const PreparedModel& model, const QuantConfig& config);

/// The folding alone, for tests and for QAT.
Graph foldBatchNorm(const Graph& graph, const std::set<LayerId>& keep = {});

}  // namespace bitlathe::core
