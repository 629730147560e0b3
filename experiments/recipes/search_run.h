#pragma once

#include "core/search/fit.h"
#include "experiments/recipes/recipe_session.h"
#include "experiments/recipes/variant_run.h"

#include <vector>

namespace bitlathe::experiments {

/// Does a search stage: measures sensitivity (or finds it in the log), chooses bits, runs the found configuration as a
/// variant of its own and writes the estimate beside what the search's own images measure.
/// variants  the recipe's, resolved; the stage's base is one of them
/// Errors  InvalidConfig: nothing fits; the text is the verdict with the binding layer.
VariantResult runSearch(RecipeSession& session, const SearchStage& stage,
                        const std::vector<ResolvedVariant>& variants);

/// What a search works with and what it found; the first half of runSearch.
struct ChosenBits {
    core::SensitivityTable table;  ///< empty with the rules, which need none
    core::FitResult fit;
    double searchMs = 0;  ///< choosing alone, without measuring
};
/// data  images to measure sensitivity on
ChosenBits chooseBits(RecipeSession& session, const SearchStage& stage, const core::QuantConfig& base,
                      const core::FitRequest& request, const core::BatchSource& data);
/// The images a search stage measures on; the recipe's seed chooses them.
core::BatchSource searchData(const RecipeSession& session, const SearchStage& stage);

/// First-order estimate of a configuration from single answers: the float model's loss and hits plus what each
/// quantized site alone changes (README eq. 94); never more hits than the float model's.
struct AccuracyEstimate {
    double loss = 0;
    double top1Percent = 0;
};
AccuracyEstimate estimateAccuracy(const core::SensitivityTable& table, const core::QuantConfig& config);

/// The request a stage makes: its limits, or the device's.
core::FitRequest fitRequestOf(const SearchStage& stage, const std::optional<core::Device>& device);

}  // namespace bitlathe::experiments
