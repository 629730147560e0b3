#pragma once

#include "experiments/recipes/recipe_session.h"

namespace bitlathe::experiments {

/// One variant with its configuration resolved for the session's model.
struct ResolvedVariant {
    const Variant* variant = nullptr;
    core::QuantConfig config;
};

/// Calibrates where needed, evaluates, judges the budget, exports: one run of the log.
VariantResult runVariant(RecipeSession& session, const ResolvedVariant& resolved);

} // namespace bitlathe::experiments
