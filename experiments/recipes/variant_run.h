#pragma once

#include "experiments/recipes/recipe_session.h"

#include <functional>

namespace bitlathe::experiments {

/// One variant with its configuration resolved for the session's model.
struct ResolvedVariant {
    const Variant* variant = nullptr;
    core::QuantConfig config;
};

/// Calibrates where needed, evaluates, judges the budget, exports: one run of the log. `also` adds to the row before it
/// is closed.
VariantResult runVariant(RecipeSession& session, const ResolvedVariant& resolved,
                         const std::function<void(RunId)>& also = {});

}  // namespace bitlathe::experiments
