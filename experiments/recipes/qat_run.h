#pragma once

#include "core/ptq/post_training.h"
#include "experiments/recipes/recipe_session.h"

namespace bitlathe::experiments {

/// The qat stage on one variant, inside its row: measures where it starts ("top1_before_training"), trains,
/// keeps the trained model and its plan as artefacts of the run. Returns the model that runs from here on.
/// start  the variant after calibration
/// Errors  InvalidConfig: the variant has post-training methods, whose weights a training would not start from.
core::QuantizedModel trainVariant(RecipeSession& session, const QatStage& stage,
                                  const core::QuantConfig& config, const core::QuantizedModel& start,
                                  VariantResult& result);

}  // namespace bitlathe::experiments
