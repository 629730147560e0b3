#pragma once

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <cstdint>
#include <vector>

namespace bitlathe::tests {

/// A small network drawn from `seed`: convolutions of every kind, stride, padding, dilation and grouping,
/// residual adds, concatenations, products, pools, activations, and a linear head, each with what can go wrong:
/// one-channel inputs, uneven padding, odd sizes, dead channels.
core::PreparedModel randomModel(unsigned seed);

/// What randomPlan may draw.
struct PlanChoices {
    std::vector<int> weightBits{1, 2, 3, 4, 5, 6, 7, 8};
    std::vector<int> outputBits{1, 2, 3, 4, 5, 6, 7, 8};
    bool powerOfTwo = false;  ///< every grid; else affine and symmetric, per tensor and per channel
    bool isLastOutputFloat = false;
};
/// Grids for every site, ranges taken from the model's own values on random images.
core::QuantPlan randomPlan(const core::PreparedModel& model, unsigned seed, const PlanChoices& choices = {});

/// One image of the model's input shape.
std::vector<float> randomImage(const core::PreparedModel& model, unsigned seed);

}  // namespace bitlathe::tests
