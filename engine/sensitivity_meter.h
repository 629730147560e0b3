#pragma once

#include "core/engine/engine.h"

#include <span>

namespace bitlathe::engine {

/// Engine::sensitivity. Each batch runs through the float model once, every node's value kept; a probe then
/// recomputes only the nodes its site can reach, everything else comes from the float run.
/// Loss and Kullback-Leibler divergence are of the softmax of the logits (of the probabilities as they are where the
/// graph ends in a softmax, floored at 1e-12); the SQNR is of the graph's output.
core::SensitivityTable measureSensitivity(const core::PreparedModel& model,
                                          std::span<const core::SensitivityProbe> probes,
                                          const core::BatchSource& data, const core::RunContext& context);

}  // namespace bitlathe::engine
