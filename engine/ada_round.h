#pragma once

#include "core/engine/post_training_engine.h"

#include <ATen/core/Tensor.h>

namespace bitlathe::engine {

/// Learned rounding of one layer (README eq. 60; Nagel et al. 2020, arXiv:2004.10568).
/// Errors  InvalidConfig: the layer's weights have no uniform grid in the plan, or are corrected off it.
core::FloatTensor learnRounding(const core::PreparedModel& model, const core::QuantPlan& plan,
                                const core::Layer& layer, const core::RoundingOptions& options,
                                const core::BatchSource& data, const core::RunContext& context);

/// h(V) = clamp(sigmoid(V) (ζ - γ) + γ, 0, 1) with ζ = 1.1, γ = -0.1: reaches both ends with a gradient.
at::Tensor rectifiedSigmoid(const at::Tensor& v);
/// The V at which h is `rest`, for 0 <= rest < 1.
at::Tensor rectifiedSigmoidInverse(const at::Tensor& rest);

}  // namespace bitlathe::engine
