#pragma once

#include "core/engine/engine.h"
#include "experiments/recipes/recipe_session.h"

namespace bitlathe::experiments {

/// The stage's images in the order of `seed`, flipped and shifted as its options say. samples  0: all
core::BatchSource trainingBatches(const core::DataSpec& data, const core::TrainOptions& options,
                                  std::int64_t samples, core::Seed seed);

/// What both trainings share: options with the recipe's seed, checkpoints in the run's folder, the folder to
/// resume from and the other workers.
core::TrainTask trainingTask(RecipeSession& session, RunId run, const core::TrainOptions& options);

/// Tells the session's observer and writes each epoch into the log. `last` receives the newest epoch.
core::TrainObserver trainingObserver(RecipeSession& session, RunId run, core::EpochReport& last);

/// Accuracy, loss, epochs, throughput and peak memory of a training that has ended.
void logTraining(RecipeSession& session, RunId run, const core::TrainResult& result,
                 const core::EpochReport& last, std::int64_t samples);

}  // namespace bitlathe::experiments
