#include "experiments/jobs/evaluate_job.h"

namespace bitlathe::experiments {

Recipe recipeOf(const Bench& bench, const core::QuantConfig& config, const std::string& name) {
    Recipe recipe;
    recipe.name = name;
    recipe.seed = bench.seed;
    recipe.threads = bench.threads;
    recipe.model = bench.model;
    recipe.data = bench.data;
    recipe.device = bench.device;
    recipe.variants = {Variant{name, toDocument(config)}};
    recipe.stages = {bench.calibration, bench.evaluation};
    return recipe;
}

}  // namespace bitlathe::experiments
