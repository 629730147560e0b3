#include "experiments/recipes/run_recipe.h"

#include "core/exporters/exporter.h"
#include "core/graph/prepare.h"
#include "experiments/recipes/config_rules.h"
#include "experiments/recipes/recipe_session.h"
#include "experiments/recipes/search_run.h"
#include "experiments/recipes/train_run.h"
#include "experiments/recipes/variant_run.h"

namespace bitlathe::experiments {

namespace {

/// Everything wrong that can be known before the work takes its time.
void checkBeforeWork(const Recipe& recipe) {
    std::size_t index = 0;
    for (const Stage& stage : recipe.stages) {
        const std::string path = "stages[" + std::to_string(index++) + "]";
        const auto* const exported = std::get_if<ExportStage>(&stage);
        if (exported != nullptr && !core::exporterRegistry().contains(exported->format)) {
            std::vector<std::string> known;
            for (const core::MethodInfo& info : core::exporterRegistry().list()) {
                known.push_back(info.name);
            }
            throw recipeError(path + ".format", "unknown export format '" + exported->format + "'" +
                                                    suggestion(exported->format, known) +
                                                    " Known: " + joined(known));
        }
    }
}

void checkInputShape(RecipeSession& session) {
    const auto* const stage = session.stage<EvaluateStage>();
    if (stage == nullptr || session.recipe.variants.empty()) {
        return;
    }
    const core::Shape data = session.evaluationData(*stage).sampleShape();
    core::Shape model = session.model.graph.inputShape();
    model.erase(model.begin());
    if (data != model) {
        throw core::Error(core::ErrorCode::ShapeMismatch, "the model '" + session.model.graph.name +
                                                              "' takes " + core::shapeText(model) +
                                                              ", the data gives " + core::shapeText(data) +
                                                              "; change data.pad or model.input_shape");
    }
}

std::vector<ResolvedVariant> resolveVariants(const RecipeSession& session) {
    std::vector<ResolvedVariant> resolved;
    std::size_t index = 0;
    for (const Variant& variant : session.recipe.variants) {
        const JsonReader reader(variant.config.json, "variants[" + std::to_string(index++) + "].config");
        resolved.push_back({&variant, buildConfig(reader, session.model)});
    }
    return resolved;
}

void report(RecipeSession& session, RecipeResult& results, VariantResult result) {
    if (session.observer.onVariant) {
        session.observer.onVariant(result);
    }
    results.variants.push_back(std::move(result));
}

}  // namespace

RecipeResult runRecipe(const Recipe& recipe, core::Engine& engine, ExperimentLog& log,
                       const core::DeviceCatalogue& devices, const core::RunContext& context,
                       const RecipeObserver& observer, const Execution& execution) {
    checkBeforeWork(recipe);
    RecipeSession session(recipe, engine, log, devices, context, observer, execution);
    RecipeResult results;
    results.groupId = session.groupId;

    const core::Graph graph = session.loadModel();
    if (const auto* const training = session.stage<TrainStage>()) {
        TrainedModel trained = runTraining(session, *training, graph);
        session.model = core::prepare(trained.graph, recipe.model.inputShape);
        session.learned.reset();  // grids of weights that are no more
        report(session, results, std::move(trained.result));
    }
    checkInputShape(session);
    const std::vector<ResolvedVariant> variants = resolveVariants(session);
    for (const ResolvedVariant& variant : variants) {
        report(session, results, runVariant(session, variant));
    }
    for (const Stage& stage : recipe.stages) {
        if (const auto* const search = std::get_if<SearchStage>(&stage)) {
            report(session, results, runSearch(session, *search, variants));
        }
    }
    return results;
}

}  // namespace bitlathe::experiments
