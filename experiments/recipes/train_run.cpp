#include "experiments/recipes/train_run.h"

#include "core/graph/prepare.h"
#include "experiments/recipes/export_variant.h"
#include "experiments/recipes/run_row.h"
#include "experiments/recipes/training_task.h"
#include "experiments/recipes/variant_report.h"
#include "experiments/store/run_folder.h"

#include <filesystem>

namespace bitlathe::experiments {

namespace {

/// The recipe that repeats the training alone, its model where it was found.
Recipe trainingRecipe(const RecipeSession& session, const TrainStage& stage) {
    Recipe alone = session.recipe;
    if (!alone.model.file.empty()) {
        alone.model.file = session.modelPath;
    }
    alone.variants.clear();
    alone.stages = {stage};
    return alone;
}

Artefact saveTrained(core::Engine& engine, const core::Graph& graph, const std::string& output) {
    const std::filesystem::path path = std::filesystem::absolute(output).lexically_normal();
    std::error_code ignored;  // saving reports a folder that could not be made
    std::filesystem::create_directories(path.parent_path(), ignored);
    engine.saveTorchScript(graph, path.string());
    return describeArtefact("torch_script", path.string());
}

}  // namespace

TrainedModel runTraining(RecipeSession& session, const TrainStage& stage, const core::Graph& graph) {
    const Recipe& recipe = session.recipe;
    const TrainingImages images = trainingImages(recipe.data, stage.options, stage.samples, recipe.seed);
    EvaluateStage whole;
    const core::BatchSource& testData =
        session.evaluationData(session.stage<EvaluateStage>() ? *session.stage<EvaluateStage>() : whole);

    NewRun row = session.newRun("training");
    row.recipeJson = trainingRecipe(session, stage).toJson().dump();
    return insideRunRow(session.log, row, [&](RunId run) {
        noteResumption(session, run);
        core::TrainTask task = trainingTask(session, run, stage.options);
        task.graph = &graph;
        images.giveTo(task);
        task.testData = &testData;
        core::EpochReport last;
        const core::TrainResult outcome =
            session.engine.train(task, session.stageContext("train"), trainingObserver(session, run, last));
        TrainedModel trained;
        trained.graph = outcome.graph;
        VariantResult& result = trained.result;
        result.run = run;
        result.name = row.name;
        result.evaluation = outcome.test;
        result.budget = core::computeBudget(core::prepare(trained.graph), {});
        result.meanWeightBits = result.meanActivationBits = 32;
        // Where nobody says, with the run: it can be opened, exported and started from.
        const std::string output =
            stage.output.empty() ? makeRunFolder(session.log, run) + "/model.pt" : stage.output;
        result.artefacts = {saveTrained(session.engine, trained.graph, output)};
        session.trainedFile = stage.output.empty() ? "" : result.artefacts.front().path;
        for (const core::Metric& metric : evaluationMetrics(outcome.test)) {
            session.log.addMetric(run, metric);
        }
        logTraining(session, run, outcome, last, images.train.sampleCount());
        for (const Artefact& artefact : result.artefacts) {
            session.log.addArtefact(run, artefact);
        }
        return trained;
    });
}

}  // namespace bitlathe::experiments
