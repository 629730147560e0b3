#include "experiments/recipes/variant_run.h"

#include "core/ptq/post_training.h"
#include "core/util/sha256.h"
#include "experiments/recipes/entropy_report.h"
#include "experiments/recipes/export_variant.h"
#include "experiments/recipes/qat_run.h"
#include "experiments/recipes/run_row.h"
#include "experiments/recipes/training_task.h"
#include "experiments/recipes/variant_report.h"
#include "experiments/records/metric_names.h"

namespace bitlathe::experiments {

namespace {

/// The recipe that repeats this variant alone: its rules resolved, its model where it was found.
Recipe soleRecipe(const RecipeSession& session, const ResolvedVariant& resolved) {
    Recipe sole = session.recipe;
    if (!session.trainedFile.empty()) {
        sole.model = {session.trainedFile, {}, {}, session.recipe.model.inputShape};
        std::erase_if(sole.stages,
                      [](const Stage& stage) { return std::holds_alternative<TrainStage>(stage); });
    } else if (!sole.model.file.empty()) {
        sole.model.file = session.modelPath;
    }
    // What a search found is a configuration like any other by now.
    std::erase_if(sole.stages, [](const Stage& stage) { return std::holds_alternative<SearchStage>(stage); });
    sole.variants = {{resolved.variant->name, toDocument(resolved.config)}};
    std::erase_if(sole.stages, [&](const Stage& stage) {
        const auto* const exported = std::get_if<ExportStage>(&stage);
        return exported != nullptr && !exported->variant.empty() &&
               exported->variant != resolved.variant->name;
    });
    return sole;
}

NewRun describe(const RecipeSession& session, const ResolvedVariant& resolved) {
    NewRun row = session.newRun(resolved.variant->name);
    row.recipeJson = soleRecipe(session, resolved).toJson().dump();
    row.configJson = toDocument(resolved.config).json.dump();
    row.configHash = core::sha256Hex(row.configJson);
    return row;
}

void addMetrics(ExperimentLog& log, RunId run, const std::vector<core::Metric>& metrics) {
    for (const core::Metric& metric : metrics) {
        log.addMetric(run, metric);
    }
}

void judgeBudget(RecipeSession& session, const core::QuantConfig& config,
                 const core::ChannelBits& channelBits, VariantResult& result) {
    const MeanBits bits = meanBits(session.model, config, channelBits);
    result.budget = core::computeBudget(session.model, config, channelBits);
    result.meanWeightBits = bits.weights;
    result.meanActivationBits = bits.activations;
    addMetrics(session.log, result.run, budgetMetrics(result.budget, bits));
    if (session.device) {
        result.verdict = result.budget.verdict(*session.device);
        result.fits = result.budget.fits(*session.device);
        session.log.addMetric(result.run, {metric::kFitsDevice, result.fits ? 1.0 : 0.0, "", 0, {}, {}});
    }
}

void evaluate(RecipeSession& session, const core::QuantizedModel& quantized, VariantResult& result) {
    const auto* const stage = session.stage<EvaluateStage>();
    if (stage == nullptr) {
        return;
    }
    const core::BatchSource& data = session.evaluationData(*stage);
    result.evaluation = session.engine.evaluate(quantized.model, quantized.plan, data,
                                                session.stageContext("evaluate " + result.name));
    addMetrics(session.log, result.run, evaluationMetrics(result.evaluation));
    if (stage->layerErrors && !quantized.plan.sites.empty()) {
        session.log.addLayerStatistics(result.run, layerErrorReport(session.engine.layerErrors(
                                                       quantized.model, quantized.plan, data,
                                                       session.stageContext("layer errors " + result.name))));
    }
}

void evaluateIntegers(RecipeSession& session, const core::QuantizedModel& quantized, VariantResult& result) {
    const auto* const stage = session.stage<EvaluateStage>();
    if (stage == nullptr || !stage->integer || quantized.plan.sites.empty()) {
        return;
    }
    const core::QuantizedModel deployed = core::deployable(quantized.model, quantized.plan);
    const core::BatchSource& data = session.evaluationData(*stage);
    result.floatEvaluation = session.floatEvaluation(*stage);
    result.integer = core::deploymentReport(session.engine, deployed.model, deployed.plan, data,
                                            {session.recipe.threads, stage->integerSamples},
                                            session.stageContext("integer model " + result.name));
    addMetrics(session.log, result.run, integerMetrics(result.floatEvaluation, *result.integer));
    session.log.addLayerStatistics(result.run, integerLayerReport(*result.integer));
}

void exportWhereAsked(RecipeSession& session, const core::QuantizedModel& quantized, VariantResult& result) {
    for (const Stage& stage : session.recipe.stages) {
        const auto* const exported = std::get_if<ExportStage>(&stage);
        if (exported == nullptr || (!exported->variant.empty() && exported->variant != result.name)) {
            continue;
        }
        session.stageContext("export " + result.name).checkpoint(0, 1, exported->format);
        for (const Artefact& artefact :
             exportPlan(quantized.model, quantized.plan, {exported->format, exported->params},
                        exportFolder(*exported, result.name))) {
            session.log.addArtefact(result.run, artefact);
            result.artefacts.push_back(artefact);
        }
    }
}

}  // namespace

VariantResult runVariant(RecipeSession& session, const ResolvedVariant& resolved,
                         const std::function<void(RunId)>& also) {
    return insideRunRow(session.log, describe(session, resolved), [&](RunId run) {
        noteResumption(session, run);
        VariantResult result;
        result.run = run;
        result.name = resolved.variant->name;
        core::QuantizedModel quantized = session.resolve(resolved.config);
        if (const auto* const qat = session.stage<QatStage>();
            qat != nullptr && !quantized.plan.sites.empty()) {
            quantized = trainVariant(session, *qat, resolved.config, quantized, result);
        }
        judgeBudget(session, resolved.config, quantized.plan.channelBits, result);
        session.log.addLayerStatistics(run, layerReport(quantized, resolved.config, result.budget));
        const EntropyReport entropy = entropyReport(quantized);
        session.log.addLayerStatistics(run, entropy.rows);
        addMetrics(session.log, run, entropy.metrics);
        evaluate(session, quantized, result);
        evaluateIntegers(session, quantized, result);
        exportWhereAsked(session, quantized, result);
        if (also) {
            also(run);
        }
        return result;
    });
}

}  // namespace bitlathe::experiments
