#pragma once

#include "core/device/device.h"
#include "core/plan/learned_plan.h"
#include "core/ptq/post_training.h"
#include "core/types/channel_detail.h"
#include "experiments/recipes/run_recipe.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bitlathe::experiments {

/// What the stages of one recipe execution share. Lives on the working thread for the time of runRecipe.
class RecipeSession {
public:
    /// Sets the engine's threads. Errors  InvalidConfig: the recipe's device is not in the catalogue.
    RecipeSession(const Recipe& recipe, core::Engine& engine, ExperimentLog& log,
                  const core::DeviceCatalogue& devices, const core::RunContext& context,
                  const RecipeObserver& observer, const Execution& execution = {});

    const Recipe& recipe;
    core::Engine& engine;
    ExperimentLog& log;
    const RecipeObserver& observer;
    const Execution execution;

    std::optional<core::Device> device;  ///< empty: no budget check
    std::string groupId;                 ///< of all rows this execution writes
    std::string modelPath;               ///< where the model was found; "zoo:NAME" for a network built in
    std::string trainedFile;             ///< where the train stage saved; "" when it did not
    /// Grids of the run the model comes from, which sites with unchanged choices keep; empty: none.
    std::optional<core::LearnedPlan> learned;
    core::PreparedModel model;  ///< batch norm folded; set by loadModel, and anew by training

    /// The recipe's only stage of a kind; null when it has none.
    template <typename Kind>
    const Kind* stage() const {
        for (const Stage& candidate : recipe.stages) {
            if (const Kind* found = std::get_if<Kind>(&candidate)) {
                return found;
            }
        }
        return nullptr;
    }

    /// A context whose checkpoints belong to that stage; shares the cancel flag.
    core::RunContext stageContext(const std::string& name) const;
    /// Reads the recipe's model and prepares it. Returns it as imported.
    core::Graph loadModel();
    /// The model as a configuration wants it, with its ranges, scales and post-training methods. Calibrates only
    /// when some site is not float.
    core::QuantizedModel resolve(const core::QuantConfig& config);
    /// Statistics of a form of the model from the calibrate stage: cached or collected on the first call, inside the
    /// row of the run that needs them first. Empty when the recipe has no such stage.
    const core::Statistics& statistics(const core::PreparedModel& prepared, core::ChannelDetail wanted);
    /// The evaluate stage's data, opened on the first call.
    const core::BatchSource& evaluationData(const EvaluateStage& stage);
    /// The float model on it, evaluated on the first call.
    const core::EvaluationResult& floatEvaluation(const EvaluateStage& stage);

    /// A row's values that all runs of this execution share.
    NewRun newRun(const std::string& name) const;

private:
    /// The stage's statistics file; nothing when it is not of this form of the model. Errors  InvalidConfig: of another
    /// model; what loadStatistics throws.
    std::optional<core::Statistics> loadedStatistics(const CalibrateStage& calibrate,
                                                     const core::PreparedModel& prepared) const;
    /// The calibrate stage's images, opened on the first call; null when the recipe has no such stage.
    const core::BatchSource* calibrationData();

    const core::RunContext& m_context;
    std::map<std::string, std::string> m_environment;
    /// By hash of the prepared model.
    std::map<std::pair<std::string, core::ChannelDetail>, core::Statistics> m_statistics;
    std::unique_ptr<core::BatchSource> m_calibrationData;
    std::unique_ptr<core::BatchSource> m_evaluationData;
    std::optional<core::EvaluationResult> m_floatEvaluation;
};

}  // namespace bitlathe::experiments
