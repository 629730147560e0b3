#pragma once

#include "core/graph/graph.h"

#include <string>
#include <vector>

namespace bitlathe::engine {

/// TorchScript source of the forward method of the module that stands for `node`. Its parameters are
/// attributes of self. Errors  UnsupportedOperator: TorchScript has no way to say it.
std::string forwardSourceOf(const core::Node& node);

/// Source of the whole graph's forward method, which calls the nodes' modules in order.
std::string forwardSourceOf(const core::Graph& graph);

/// "stem.conv" -> {"stem", "conv"}. Segments that a module could not carry as attributes beside its own are
/// given a trailing underscore; empty ones become "_".
std::vector<std::string> modulePath(const std::string& nodeName);

}  // namespace bitlathe::engine
