#pragma once

#include <string>

#include "experiments/recipes/recipe.h"
#include "ui/document/quant_document.h"

#include <QString>

namespace bitlathe::ui {

/// What a training of the document shall be. Both kinds keep their own options, so that changing one's mind about
/// the kind loses none.
struct TrainingRequest {
    bool isQuantized = true;  ///< the active configuration, quantization in the loop; false: the float model
    experiments::QatStage quantized;
    experiments::TrainStage floating;
    std::int64_t startRun =
        0;            ///< run of the log whose trained model and grids to start from; 0: the document's model
    int workers = 1;  ///< processes that share the training

    core::TrainOptions& options() { return isQuantized ? quantized.options : floating.options; }
    const core::TrainOptions& options() const { return isQuantized ? quantized.options : floating.options; }
    std::int64_t& samples() { return isQuantized ? quantized.samples : floating.samples; }
    std::int64_t samples() const { return isQuantized ? quantized.samples : floating.samples; }
};

/// One epoch from a trained model with what works for the configuration's quantizers: the options of the bundled
/// recipes of their sources (resources/recipes/qat_*.json).
experiments::QatStage suggestedQat(const core::QuantConfig& config);

/// The recipe's own stages where it has them, else suggestions. Quantized, unless nothing is.
TrainingRequest suggestedTraining(const QuantDocument& document);

/// The recipe that is this training, alone: what starting it runs and what `bitlathe-cli run` repeats.
experiments::Recipe trainingRecipe(const QuantDocument& document, const TrainingRequest& request);

/// Why the active configuration cannot be trained with quantization in the loop, and what to do; empty when it can.
QString quantizedTrainingProblem(const QuantDocument& document);

}  // namespace bitlathe::ui
