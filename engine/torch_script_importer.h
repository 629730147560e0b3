#pragma once

#include "core/graph/graph.h"

#include <string>

namespace bitlathe::engine {

/// Reads a TorchScript archive into a graph with shapes; see core::Engine::importTorchScript.
core::Graph importTorchScript(const std::string& path, const core::Shape& inputShape);

}  // namespace bitlathe::engine
