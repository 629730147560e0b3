#pragma once

#include "experiments/recipes/run_recipe.h"
#include "experiments/store/experiment_log.h"

#include <nlohmann/json.hpp>

#include <string>

namespace bitlathe::cli {

/// {"id", "name", "recipe", "group", "status", "started", "finished", "elapsed_ms", "model", "model_hash",
/// "data_hash",
///  "config_hash", "device", "seed", "threads", "error", "metrics": {NAME: {"value", "unit", "samples",
///  "lower95", "upper95"}}}; keys are stable.
nlohmann::json runToJson(const experiments::RunRecord& run);
nlohmann::json artefactToJson(const experiments::Artefact& artefact);
nlohmann::json metricToJson(const core::Metric& metric);

/// The metric's value with the digits it deserves and its unit; "" when the run has none.
std::string metricText(const experiments::RunRecord& run, const std::string& name);
std::string metricText(const core::Metric& metric);

}  // namespace bitlathe::cli
