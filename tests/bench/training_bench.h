#pragma once

#include "core/engine/engine.h"
#include "core/graph/graph.h"

#include <functional>
#include <optional>
#include <vector>

namespace bitlathe::bench {

/// Milliseconds of training steps, ours and the peer's.
struct StepTimes {
    std::vector<double> own;
    std::vector<double> other;
};

/// Trains `graph` for some steps on images that need no time to make; between two steps the peer does one of
/// its own. The first step of each counts for nothing.
/// quantization  empty: float training
/// theirs        ms of one step; empty when the peer cannot
StepTimes timeTrainingSteps(const core::Graph& graph, std::int64_t batchSize, int steps,
                            const std::optional<core::QuantizedTraining>& quantization,
                            const std::function<std::optional<double>()>& theirs);

}  // namespace bitlathe::bench
