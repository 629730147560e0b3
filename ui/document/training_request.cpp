#include "ui/document/training_request.h"

#include "core/ptq/post_training.h"
#include "core/registry/registry.h"

#include <QCoreApplication>

#include <algorithm>
#include <map>

namespace bitlathe::ui {

namespace {

constexpr double kGuidelineDecay = 1e-4;

bool isAnyQuantized(const core::QuantConfig& config) {
    return !config.input.isFloat() ||
           std::any_of(config.layers.begin(), config.layers.end(), [](const auto& layer) {
               return !layer.second.weight.isFloat() || !layer.second.output.isFloat();
           });
}

/// The quantizer most layers' weights have; empty where all are float.
std::string commonWeightQuantizer(const core::QuantConfig& config) {
    std::map<std::string, int> counts;
    for (const auto& [id, quant] : config.layers) {
        if (!quant.weight.isFloat()) {
            ++counts[quant.weight.quantizer.name];
        }
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == counts.end() ? std::string() : most->first;
}

core::ParameterRule decayOf(std::vector<core::ParameterKind> kinds) {
    core::ParameterRule rule;
    rule.kinds = std::move(kinds);
    rule.weightDecay = kGuidelineDecay;
    return rule;
}

template <typename Stage>
const Stage* stageOf(const experiments::Recipe& recipe) {
    for (const experiments::Stage& stage : recipe.stages) {
        if (const auto* const found = std::get_if<Stage>(&stage)) {
            return found;
        }
    }
    return nullptr;
}

}  // namespace

experiments::QatStage suggestedQat(const core::QuantConfig& config) {
    const std::string weights = commonWeightQuantizer(config);
    experiments::QatStage stage;
    core::TrainOptions& options = stage.options;
    options.augmentation = {true, 2};
    options.learningRate = 0.02;
    if (weights ==
        "power_of_two") {  // edgeai-torchvision: everything decays, statistics and ranges settle early
        options.learningRate = 0.002;
        stage.quantization.batchNorm = core::BatchNormTraining::RunningMerge;
        options.rules = {decayOf({core::ParameterKind::Bias, core::ParameterKind::BatchNorm})};
        stage.quantization.freezeBatchNormAtEpoch = 0.75;
        stage.quantization.freezeRangesAtEpoch = 0.85;
    } else if (weights == "asym_min_max") {  // Rusci et al.: Adam, the clips alone decay
        options.learningRate = 0.001;
        options.optimizer = {"adam", {}};
        options.weightDecay = 0;
        options.schedule.method = {"multistep", {}};
        options.schedule.milestones = {0.6, 0.85};
        options.rules = {decayOf({core::ParameterKind::Range})};
    } else if (weights == "affine" || weights == "symmetric") {  // arXiv 1712.05877
        options.learningRate = 0.005;
        options.weightDecay = 4e-5;
        stage.quantization.batchNorm = core::BatchNormTraining::BatchFold;
        stage.quantization.quantizeActivationsFromEpoch = 0.1;
        stage.quantization.freezeBatchNormAtEpoch = 0.8;
    }
    if (weights == "lsq") {
        options.augmentation = {true,
                                0};  // W4A4 of the MobileNet after one epoch: 90.8 %, and 90.0 with shifts
    }
    return stage;
}

TrainingRequest suggestedTraining(const QuantDocument& document) {
    TrainingRequest request;
    const auto* const qat = stageOf<experiments::QatStage>(document.recipe());
    const auto* const train = stageOf<experiments::TrainStage>(document.recipe());
    request.quantized = qat != nullptr ? *qat : suggestedQat(document.config());
    if (train != nullptr) {
        request.floating = *train;
    }
    request.isQuantized = isAnyQuantized(document.config());
    request.startRun = document.recipe().model.run;
    return request;
}

experiments::Recipe trainingRecipe(const QuantDocument& document, const TrainingRequest& request) {
    experiments::Recipe recipe = document.toActiveRecipe();
    if (request.startRun > 0) {
        recipe.model = {{}, {}, {}, recipe.model.inputShape, request.startRun};
    }
    const auto* const evaluate = stageOf<experiments::EvaluateStage>(document.recipe());
    const experiments::EvaluateStage measured =
        evaluate != nullptr ? *evaluate : experiments::EvaluateStage();
    if (request.isQuantized) {
        recipe.stages = {document.calibration(), request.quantized, measured};
    } else {
        recipe.variants.clear();
        recipe.stages = {request.floating, measured};
    }
    return recipe;
}

QString quantizedTrainingProblem(const QuantDocument& document) {
    if (!isAnyQuantized(document.config())) {
        return QCoreApplication::translate(
            "TrainDialog",
            "This configuration is float throughout. Choose bits in the layer table, or another "
            "configuration, to train with quantization in the loop.");
    }
    if (const core::MethodSpec* const method = core::lostInTraining(document.config().postTraining)) {
        return QCoreApplication::translate(
                   "TrainDialog", "Training finds its own grids, so that what the post-training method "
                                  "\"%1\" does to them would "
                                  "be lost. Remove it (Post-training panel), or train a copy without it.")
            .arg(QString::fromStdString(core::postTrainingRegistry().info(method->name).title));
    }
    return {};
}

}  // namespace bitlathe::ui
