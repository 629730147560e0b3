#pragma once

#include "core/engine/engine.h"
#include "core/exporters/exporter.h"
#include "core/graph/layer.h"
#include "core/graph/lint.h"
#include "core/plan/learned_plan.h"
#include "core/search/sensitivity.h"
#include "core/types/site_statistics.h"
#include "experiments/recipes/run_recipe.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace bitlathe::experiments {

/// A model as the window needs it: folded, with its layers named and its weights measured.
struct OpenedModel {
    ModelSource source;
    std::shared_ptr<const core::PreparedModel> model;
    std::shared_ptr<const core::Statistics> weightStatistics;  ///< weight sites only; no data was read
    std::vector<core::LintFinding> findings;
    std::shared_ptr<const core::LearnedPlan> learned;  ///< of the run the model comes from; null: none
};

/// Result of calibration.
struct Calibration {
    std::shared_ptr<const core::Statistics> statistics;
    bool isFromCache = false;  ///< found in the log: the data was not read again
};

/// Error of each layer's output under one configuration.
struct LayerErrors {
    std::vector<core::LayerError> layers;
    std::int64_t samples = 0;
};

/// What quantizing each site alone does, and the configuration whose grids were asked about.
struct MeasuredSensitivity {
    core::QuantConfig config;
    core::SensitivityTable table;
};

/// Files an exporter wrote.
struct ExportedFiles {
    std::string format;
    std::string folder;
    std::vector<std::string> files;
    std::vector<core::ExportCheck> remarks;  ///< none is blocking
};

/// What a job hands out, while it runs or at its end. Immutable and shared: crossing threads copies a
/// pointer.
using JobProduct =
    std::variant<std::monostate, std::shared_ptr<const OpenedModel>, std::shared_ptr<const Calibration>,
                 std::shared_ptr<const VariantResult>, std::shared_ptr<const core::StepReport>,
                 std::shared_ptr<const core::EpochReport>, std::shared_ptr<const LayerErrors>,
                 std::shared_ptr<const MeasuredSensitivity>, std::shared_ptr<const ExportedFiles>,
                 std::shared_ptr<const RecipeResult>>;

}  // namespace bitlathe::experiments
