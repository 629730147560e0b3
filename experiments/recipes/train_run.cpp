#include "experiments/recipes/train_run.h"

#include "core/graph/prepare.h"
#include "experiments/recipes/export_variant.h"
#include "experiments/recipes/run_row.h"
#include "experiments/recipes/variant_report.h"
#include "experiments/records/metric_names.h"

#include <filesystem>

namespace bitlathe::experiments {

namespace {

core::BatchSource trainingBatches(const core::DataSpec& data, const TrainStage& stage, core::Seed seed) {
    core::BatchSource::Options options;
    options.batchSize = stage.options.batchSize;
    options.samples = stage.samples;
    options.shuffle = seed;
    options.augmentation = stage.options.augmentation;
    return core::BatchSource(core::openDataset(data, core::DataSplit::Train), data, options);
}

/// The recipe that repeats the training alone.
Recipe trainingRecipe(const Recipe& recipe, const TrainStage& stage) {
    Recipe alone = recipe;
    alone.variants.clear();
    alone.stages = {stage};
    return alone;
}

std::vector<Artefact> saveTrained(core::Engine& engine, const core::Graph& graph, const std::string& output) {
    if (output.empty()) {
        return {};
    }
    const std::filesystem::path path = std::filesystem::absolute(output).lexically_normal();
    std::error_code ignored;  // saving reports a folder that could not be made
    std::filesystem::create_directories(path.parent_path(), ignored);
    engine.saveTorchScript(graph, path.string());
    return {describeArtefact("torch_script", path.string())};
}

std::vector<MetricStep> stepsOf(const core::EpochReport& report) {
    const auto epoch = static_cast<double>(report.epoch);
    return {{metric::kTrainLoss, epoch, report.trainLoss},
            {metric::kTop1, epoch, report.test.top1Percent()},
            {metric::kLoss, epoch, report.test.meanLoss}};
}

}  // namespace

TrainedModel runTraining(RecipeSession& session, const TrainStage& stage, const core::Graph& graph) {
    const Recipe& recipe = session.recipe;
    const core::BatchSource trainData = trainingBatches(recipe.data, stage, recipe.seed);
    EvaluateStage whole;
    const core::BatchSource& testData =
        session.evaluationData(session.stage<EvaluateStage>() ? *session.stage<EvaluateStage>() : whole);

    NewRun row = session.newRun("training");
    row.recipeJson = trainingRecipe(recipe, stage).toJson().dump();
    return insideRunRow(session.log, row, [&](RunId run) {
        core::EpochReport last;
        core::TrainOptions options = stage.options;
        options.seed = recipe.seed;
        TrainedModel trained;
        core::TrainTask task;
        task.graph = &graph;
        task.trainData = &trainData;
        task.testData = &testData;
        task.options = options;
        core::TrainObserver observer;
        observer.onStep = session.observer.onStep;
        observer.onEpoch = [&](const core::EpochReport& report) {
            last = report;
            session.log.addMetricSteps(run, stepsOf(report));
            if (session.observer.onEpoch) {
                session.observer.onEpoch(report);
            }
        };
        trained.graph = session.engine.train(task, session.stageContext("train"), observer).graph;
        VariantResult& result = trained.result;
        result.run = run;
        result.name = row.name;
        result.evaluation = last.test;
        result.budget = core::computeBudget(core::prepare(trained.graph), {});
        result.meanWeightBits = result.meanActivationBits = 32;
        result.artefacts = saveTrained(session.engine, trained.graph, stage.output);
        session.trainedFile = result.artefacts.empty() ? "" : result.artefacts.front().path;
        for (const core::Metric& metric : evaluationMetrics(last.test)) {
            session.log.addMetric(run, metric);
        }
        session.log.addMetric(run, {metric::kTrainLoss, last.trainLoss, "nats", trainData.sampleCount(), {}, {}});
        session.log.addMetric(run, {"epochs", static_cast<double>(last.epoch), "", 0, {}, {}});
        for (const Artefact& artefact : result.artefacts) {
            session.log.addArtefact(run, artefact);
        }
        return trained;
    });
}

}  // namespace bitlathe::experiments
