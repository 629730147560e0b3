#pragma once

#include "core/deploy/integer_graph.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// Codes of one tensor of one image, rows x columns x channels, channels innermost.
using Codes = std::vector<std::int32_t>;

/// The integer model word for word: one plain loop per operator, one image at a time, nothing clever. What
/// IntegerEngine and exported C are held against.
/// layer   one of the graph's layers
/// inputs  codes of the tensors it reads, in the layer's order
Codes runReferenceLayer(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs);

/// Codes of every tensor of the graph for one image, by tensor index.
/// input  codes of the input tensor. Errors  ShapeMismatch: another number of codes; InvalidConfig: a code that
/// the input tensor's bits do not hold.
std::vector<Codes> runReference(const IntegerGraph& graph, const Codes& input);

/// An image as the data delivers it (channels, rows, columns) to input codes by the graph's input grid.
Codes inputCodes(const IntegerGraph& graph, std::span<const float> image);

}  // namespace bitlathe::core
