#pragma once

#include "core/train/train_options.h"
#include "experiments/recipes/json_reader.h"

#include <string>
#include <vector>

namespace bitlathe::experiments {

/// Keys of a training in a stage ("train", "qat"); see recipe_schema.md, TRAINING.
const std::vector<std::string>& trainOptionKeys();
/// Changes what the stage names. Errors  RecipeError with JSON path.
void readTrainOptions(const JsonReader& stage, core::TrainOptions& options);
/// Adds every option to `stage`.
void writeTrainOptions(const core::TrainOptions& options, nlohmann::json& stage);

/// Keys of quantization in the loop ("qat").
const std::vector<std::string>& qatOptionKeys();
void readQatOptions(const JsonReader& stage, core::QatOptions& options);
void writeQatOptions(const core::QatOptions& options, nlohmann::json& stage);

}  // namespace bitlathe::experiments
