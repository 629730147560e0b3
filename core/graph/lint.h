#pragma once

#include "core/graph/layer.h"

#include <string>
#include <vector>

namespace bitlathe::core {

enum class LintSeverity { Hint, Warning };

/// One remark about a model that makes quantization harder than it need be.
struct LintFinding {
    LintSeverity severity = LintSeverity::Hint;
    LayerId layer;        ///< empty: the whole model
    std::string code;     ///< "dead_channel", "unbounded_activation", "channel_range_spread", ...
    std::string message;  ///< what, why it matters, what to do
};

/// Remarks in layer order. Reads weights once; never fails.
std::vector<LintFinding> lint(const PreparedModel& model);

}  // namespace bitlathe::core
