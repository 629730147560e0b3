#pragma once

#include "core/deploy/integer_graph.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <optional>

namespace bitlathe::core {

struct LoweringOptions {
    /// Empty: each output grid's own rounding, so that integer and fake-quantized model agree. Floor is the
    /// integer channel normalisation of Rusci et al. 2019 (README eq. 32) whatever the grid says; a grid that
    /// rounds to nearest then differs in about half of its codes.
    std::optional<Rounding> requantization;
    /// Outputs of at most 4 bits of convolutions and linear layers get thresholds on the accumulator in place
    /// of factors: the same codes, 2^bits - 1 comparisons, no multiplication.
    bool thresholds = false;
};

/// The integer model that computes what the plan's fake-quantized model simulates.
///
/// Weights become codes, biases int32 on the accumulator's grid (README eq. 10, 64), scales fixed-point factors
/// (eq. 31, 61). A batch norm that the layer keeps joins the channel's factor and bias (eq. 66). Activations go into the output's clamp; sigmoid and other monotonic functions behind a
/// convolution into thresholds. A last layer whose output the plan leaves float gives its accumulators: int32
/// of one scale (eq. 65); a softmax behind it is left out.
/// Weights on a grid of levels are taken where the levels are integers times one step (binary, ternary).
/// Errors  InvalidConfig naming the site: float, more than 8 bits, levels no integer reaches, one scale per
///         activation channel, weights corrected off their grid; or naming the layer: an accumulator that could leave int32, a factor outside
///         2^-31 .. 2^30.  UnsupportedOperator naming the layer and the operator.
IntegerGraph lower(const PreparedModel& model, const QuantPlan& plan, const LoweringOptions& options = {});

}  // namespace bitlathe::core
