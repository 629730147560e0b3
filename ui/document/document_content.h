#pragma once

#include "core/graph/layer.h"
#include "core/plan/learned_plan.h"
#include "core/types/quant_config.h"
#include "core/types/site_statistics.h"
#include "experiments/recipes/recipe.h"

#include <memory>
#include <string>
#include <vector>

namespace bitlathe::ui {

/// One named configuration of a document; each becomes a run.
struct NamedConfig {
    std::string name;
    core::QuantConfig config;
    bool operator==(const NamedConfig&) const = default;
};

/// Everything a document starts from. Nothing in here needs LibTorch.
struct DocumentContent {
    std::shared_ptr<const core::PreparedModel> model;
    std::shared_ptr<const core::Statistics> weightStatistics;  ///< weight sites only
    std::shared_ptr<const core::Statistics> statistics;  ///< outputs and input; null: not calibrated yet
    std::shared_ptr<const core::LearnedPlan> learned;    ///< grids of a trained model; null: none
    experiments::Recipe recipe;
    std::vector<NamedConfig> variants;  ///< at least one
    int activeVariant = 0;
    std::string recipePath;  ///< empty: made for a bare model file
};

/// The recipe's configurations resolved for the model; W8A8 where it has none.
/// Errors  as buildConfig.
std::vector<NamedConfig> resolveVariants(const experiments::Recipe& recipe, const core::PreparedModel& model);

/// A recipe for a bare model file: calibrate on 512 training images, evaluate on all test images, no variant
/// yet.
experiments::Recipe recipeForModelFile(const std::string& modelPath);

/// W8A8: 8-bit symmetric weights per channel, 8-bit affine activations per tensor, min-max ranges.
core::QuantConfig startingConfig(const core::PreparedModel& model);

}  // namespace bitlathe::ui
