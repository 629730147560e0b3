#pragma once

#include "core/engine/engine.h"
#include "core/graph/graph.h"
#include "tests/bench/stopwatch.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace bitlathe::bench {

/// Training steps, ours and the peer's.
struct StepTimes {
    std::vector<Timing> own;
    std::vector<Timing> other;
    std::int64_t peakBytes = 0;  ///< of all tensors alive in our steps, weights and optimizer included
};

/// Trains `graph` for some steps on images that need no time to make; between two steps the peer does one of
/// its own. The first step of each counts for nothing.
/// quantization  empty: float training
/// theirs        one step; empty when the peer cannot
StepTimes timeTrainingSteps(const core::Graph& graph, std::int64_t batchSize, int steps,
                            const std::optional<core::QuantizedTraining>& quantization,
                            const std::function<std::optional<Timing>()>& theirs);

}  // namespace bitlathe::bench
