#include "experiments/recipes/export_recipe.h"

#include "core/graph/prepare.h"
#include "experiments/recipes/config_rules.h"
#include "experiments/recipes/export_variant.h"
#include "experiments/recipes/recipe_session.h"

#include <algorithm>

namespace bitlathe::experiments {

namespace {

void checkExportable(const Recipe& recipe, const ExportStage& target) {
    std::vector<std::string> names;
    for (const Variant& variant : recipe.variants) {
        names.push_back(variant.name);
    }
    if (std::any_of(recipe.stages.begin(), recipe.stages.end(),
                    [](const Stage& stage) { return std::holds_alternative<TrainStage>(stage); })) {
        throw recipeError("stages", "the recipe trains its model; run it, then export the run");
    }
    if (names.empty()) {
        throw recipeError("variants", "there is none to export");
    }
    if (!target.variant.empty() && std::find(names.begin(), names.end(), target.variant) == names.end()) {
        throw recipeError("variants", "there is no '" + target.variant + "'" +
                                          suggestion(target.variant, names) + " Variants: " + joined(names));
    }
}

}  // namespace

std::vector<ExportedVariant> exportRecipe(const Recipe& recipe, const ExportStage& target,
                                          core::Engine& engine, ExperimentLog& log,
                                          const core::RunContext& context) {
    checkExportable(recipe, target);
    Recipe sole = recipe;
    sole.device.clear();  // a budget plays no part
    const RecipeObserver nobody;
    RecipeSession session(sole, engine, log, {}, context, nobody);
    session.loadModel();

    std::vector<ExportedVariant> exported;
    for (std::size_t i = 0; i < sole.variants.size(); ++i) {
        const Variant& variant = sole.variants[i];
        if (!target.variant.empty() && variant.name != target.variant) {
            continue;
        }
        const JsonReader reader(variant.config.json, "variants[" + std::to_string(i) + "].config");
        const core::QuantizedModel quantized = session.resolve(buildConfig(reader, session.model));
        session.stageContext("export " + variant.name).checkpoint(0, 1, target.format);
        exported.push_back(
            {variant.name, exportPlan(quantized.model, quantized.plan, {target.format, target.params},
                                      exportFolder(target, variant.name))});
    }
    return exported;
}

}  // namespace bitlathe::experiments
