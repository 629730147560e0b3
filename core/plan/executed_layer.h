#pragma once

#include "core/plan/quant_plan.h"

#include <optional>
#include <vector>

namespace bitlathe::core {

/// A layer's tensors as a plan computes with them, so that the engine, the exporters and the integer graph take the
/// same numbers. README eq. 46 to 48:
///
///   folded      ŵ on its grid, bias on the accumulator's, no batch norm left
///   not_folded  the same for the layer's own weights and bias; batch norm as it is, float
///   icn         y = r (S (acc + B)), r the batch norm's scale, S = s_in s_w[c], B = round((b + shift / r) / S): weights
///               as they are, the batch norm's shift and the bias together on the accumulator's grid. A channel of
///               which B would leave int32 has r so small that its output cannot vary: it gives r b + shift always.
///   fake_bn     quantized as folded; the batch norm that stays in the model has nothing left to do
///
/// Without an accumulator grid (input or weights float, per-channel or non-uniform) bias and shift stay float.
struct ExecutedLayer {
    FloatTensor weight;
    FloatTensor bias;  ///< undefined: none
    std::optional<BatchNormOp>
        batchNorm;  ///< what the kept batch norm still does; empty: nothing, or none is kept
};

/// Errors  InvalidConfig: the plan has a weight site for a layer without weights.
ExecutedLayer executedLayer(const PreparedModel& model, const Layer& layer, const QuantPlan& plan);

/// The weights as the plan computes with them: on their grid, and corrected by its WeightAffine. In the units of the
/// grid (batch norm folded in for BatchNormMode::FakeBn). The weights as they are where the plan has no grid.
std::vector<float> quantizedWeights(const PreparedModel& model, const Layer& layer, const QuantPlan& plan);

/// Grid of the int32 accumulator's inputs: the layer's one input grid, when bias codes can be made from it and the
/// weights' grid; null otherwise.
const QParams* accumulatorInput(const PreparedModel& model, const Layer& layer, const QuantPlan& plan);

/// Where a layer's values stand before its activation: at the batch norm it keeps, or at the operator itself.
inline NodeId preActivationNode(const Layer& layer) noexcept {
    return layer.batchNorm >= 0 ? layer.batchNorm : layer.node;
}

}  // namespace bitlathe::core
