#pragma once

#include "core/graph/graph.h"
#include "engine/abstract_value.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace bitlathe::engine {

/// Thrown by a conversion that knows the operator but not this use of it; the text completes "cannot import
/// X: ...".
class UnsupportedUse : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One call of an aten operator with at least one tensor of the graph among its arguments.
struct OperatorCall {
    std::string kind;                      ///< without namespace and in-place underscore: "conv2d"
    std::string nodeName;                  ///< name for the node it becomes
    std::vector<AbstractValue> arguments;  ///< in the schema's order, defaults included
};

/// Appends the node(s) the call stands for and returns its result; calls that change nothing (dropout,
/// contiguous) return their input. Shapes of the graph's nodes are known and stay so. Errors  UnsupportedUse.
/// core::Error ShapeMismatch.
AbstractValue convertOperator(core::Graph& graph, const OperatorCall& call);

/// True when convertOperator knows the operator at all.
bool isKnownOperator(const std::string& kind);

}  // namespace bitlathe::engine
