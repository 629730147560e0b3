#include "experiments/recipes/qat_run.h"

#include "core/graph/prepare.h"
#include "core/plan/plan_json.h"
#include "core/ptq/post_training.h"
#include "core/util/atomic_file.h"
#include "experiments/recipes/export_variant.h"
#include "experiments/recipes/training_task.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/run_folder.h"

#include <filesystem>

namespace bitlathe::experiments {

namespace {

void requireTrainableMethods(const core::QuantConfig& config, const std::string& variant) {
    if (const core::MethodSpec* const method = core::lostInTraining(config.postTraining)) {
        throw core::Error(
            core::ErrorCode::InvalidConfig,
            "variant '" + variant + "': what the post-training method '" + method->name +
                "' does to grids is lost in training, which keeps the configuration's bits; leave "
                "the method or the qat stage out");
    }
}

void measureStart(RecipeSession& session, const core::QuantizedModel& start, const core::BatchSource& test,
                  const VariantResult& result) {
    const core::EvaluationResult before =
        session.engine.evaluate(start.model, start.plan, test, session.stageContext("before " + result.name));
    session.log.addMetric(result.run,
                          {metric::kTop1BeforeTraining, before.top1Percent(), "%", before.samples, {}, {}});
}

void keepArtefact(RecipeSession& session, VariantResult& result, const std::string& kind,
                  const std::string& path) {
    const Artefact artefact = describeArtefact(kind, path);
    session.log.addArtefact(result.run, artefact);
    result.artefacts.push_back(artefact);
}

void keepTrained(RecipeSession& session, const core::Graph& graph, const core::QuantizedModel& trained,
                 VariantResult& result) {
    const std::filesystem::path folder = makeRunFolder(session.log, result.run);
    const std::string model = (folder / "model.pt").string();
    session.engine.saveTorchScript(graph, model);
    keepArtefact(session, result, "torch_script", model);
    const std::string plan = (folder / "plan.json").string();
    core::writeFileAtomically(plan, core::planToJson(trained.plan, trained.model));
    keepArtefact(session, result, "quant_plan", plan);
}

}  // namespace

core::QuantizedModel trainVariant(RecipeSession& session, const QatStage& stage,
                                  const core::QuantConfig& config, const core::QuantizedModel& start,
                                  VariantResult& result) {
    requireTrainableMethods(config, result.name);
    const EvaluateStage whole;
    const auto* const evaluate = session.stage<EvaluateStage>();
    const core::BatchSource& test = session.evaluationData(evaluate != nullptr ? *evaluate : whole);
    const TrainingImages images =
        trainingImages(session.recipe.data, stage.options, stage.samples, session.recipe.seed);
    measureStart(session, start, test, result);

    core::TrainTask task = trainingTask(session, result.run, stage.options);
    // After post-training methods the training starts from what they made: batch norm of the folded layers is in their
    // weights by then, and stays there.
    task.graph = config.postTraining.empty() ? session.model.imported.get() : &start.model.graph;
    images.giveTo(task);
    task.testData = &test;
    task.quantization = core::QuantizedTraining{
        &config, &start.statistics, session.learned ? &session.learned->plan : nullptr, stage.quantization};
    core::EpochReport last;
    const core::TrainResult trained = session.engine.train(task, session.stageContext("train " + result.name),
                                                           trainingObserver(session, result.run, last));
    logTraining(session, result.run, trained, last, images.train.sampleCount());

    core::QuantizedModel quantized;
    quantized.model =
        core::prepare(trained.graph, session.recipe.model.inputShape, core::layersKeepingBatchNorm(config));
    quantized.plan = trained.plan;
    quantized.statistics = start.statistics;
    keepTrained(session, trained.graph, quantized, result);
    return quantized;
}

}  // namespace bitlathe::experiments
