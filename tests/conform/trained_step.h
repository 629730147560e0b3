#pragma once

#include "core/graph/graph.h"
#include "core/plan/quant_plan.h"
#include "tests/conform/case.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitlathe::conform {

/// One step of the shipped trainer (engine/training) on a case's network, batch norm frozen, nothing moved: what a
/// defect there would change. LibTorch stays in the source.
struct TrainedStep {
    Tensor output;                            ///< of the network, N,values
    double loss = 0;                          ///< mean cross entropy, where labels are learned from
    std::map<std::string, Tensor> gradients;  ///< by parameter, "conv0.weight"; "input" where it is asked for
    core::QuantPlan plan;                     ///< the grids the step quantized on

    /// The gradient; one of no values, which no expectation equals, where the trainer knows no such parameter.
    const Tensor& gradient(const std::string& parameter) const;
};

/// Through loss, backward pass and optimizer as engine::GradientStep does it.
TrainedStep learnFromLabels(const core::Graph& graph, const core::QuantConfig& config, const Tensor& x,
                            const std::vector<std::int64_t>& labels);
/// Through engine::QuantizedNetwork alone, from a gradient of its output.
TrainedStep learnFromGradient(const core::Graph& graph, const core::QuantConfig& config, const Tensor& x,
                              const Tensor& outputGradient);

}  // namespace bitlathe::conform
