#pragma once

#include "core/engine/engine.h"
#include "experiments/recipes/recipe_session.h"

#include <optional>

namespace bitlathe::experiments {

/// A stage's images: those learned from, and those held out.
struct TrainingImages {
    core::BatchSource train;
    std::optional<core::BatchSource> validation;  ///< as they are, in one order; empty: none held out

    /// Makes them the task's.
    void giveTo(core::TrainTask& task) const;
};

/// `samples` images of the training split (0: all) in the order of `seed`; the last of them are held out
/// (core::heldOutSamples), the others flipped and shifted as the options say. Calibration takes its images from the
/// front of the same order. Errors  InvalidConfig: no image is left to learn from.
TrainingImages trainingImages(const core::DataSpec& data, const core::TrainOptions& options,
                              std::int64_t samples, core::Seed seed);

/// Writes into the row which run its training goes on with, if it does: first of all, so that it is known of a run that
/// ends before its first checkpoint.
void noteResumption(RecipeSession& session, RunId run);

/// What both trainings share: options with the recipe's seed, checkpoints in the run's folder, the folder to
/// resume from and the other workers.
core::TrainTask trainingTask(RecipeSession& session, RunId run, const core::TrainOptions& options);

/// Tells the session's observer and writes each epoch into the log. `last` receives the newest epoch.
core::TrainObserver trainingObserver(RecipeSession& session, RunId run, core::EpochReport& last);

/// Accuracy, loss, epochs, throughput and peak memory of a training that has ended.
void logTraining(RecipeSession& session, RunId run, const core::TrainResult& result,
                 const core::EpochReport& last, std::int64_t samples);

}  // namespace bitlathe::experiments
