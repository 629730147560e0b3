#pragma once

#include "core/graph/graph.h"

#include <string>

namespace bitlathe::engine {

/// Extra file inside the archive with what TorchScript itself does not say: {"format", "version", "name",
/// "input_shape"}.
inline constexpr const char* kModelInfoFile = "bitlathe.json";
/// Class names of the modules that stand for one node each begin with it; such a module's path is the node's
/// name.
inline constexpr const char* kNodeClassPrefix = "__torch__.bitlathe.";

/// Writes the graph as a TorchScript archive that PyTorch loads: one module per node under the node's name as
/// path, with PyTorch's parameter names (weight, bias, running_mean, running_var). The same graph gives the
/// same bytes. The file appears whole or not at all. Errors  Io: not writable. UnsupportedOperator: an
/// average pool with uneven padding that TorchScript cannot say.
void writeTorchScript(const core::Graph& graph, const std::string& path);

}  // namespace bitlathe::engine
