#include "experiments/jobs/quantized_model.h"

#include "core/graph/prepare.h"
#include "core/ptq/needed_detail.h"
#include "experiments/recipes/calibration.h"

namespace bitlathe::experiments {

namespace {

core::QuantizedModel resolved(const ConfiguredModel& input, JobScope& scope) {
    core::PreparedModel prepared = core::preparedFor(*input.model, input.config);
    const bool areStatisticsOfIt = prepared.hash == input.model->hash;
    if (areStatisticsOfIt && input.config.postTraining.empty()) {
        core::QuantPlan plan = core::resolvePlan(prepared, input.config, *input.statistics);
        return {std::move(prepared), std::move(plan), *input.statistics};
    }
    core::Engine& engine = scope.engine();
    engine.setThreads(input.threads);
    core::RunContext context = scope.context();
    context.beginStage("post-training");
    const core::BatchSource images = calibrationBatches(input.data, input.calibration, input.seed);
    core::PostTrainingTools tools;
    tools.engine = &engine;
    tools.data = &images;
    tools.calibrate = [&](const core::PreparedModel& changed) {
        return engine.calibrate(changed, images, core::channelDetailFor(input.config), context);
    };
    tools.context = context;
    tools.seed = input.seed;
    return core::applyPostTraining(prepared, input.config,
                                   areStatisticsOfIt ? *input.statistics : tools.calibrate(prepared), tools);
}

}  // namespace

core::QuantizedModel quantizedModel(const ConfiguredModel& input, JobScope& scope) {
    core::QuantizedModel quantized = resolved(input, scope);
    if (input.learned) {
        core::keepLearnedGrids(quantized.plan, input.config, *input.learned);
    }
    return quantized;
}

core::BatchSource openBatches(const ConfiguredModel& input, const EvaluateStage& stage, JobScope& scope) {
    core::RunContext context = scope.context();
    context.beginStage("open data");
    context.checkpoint(0, 1, input.data.dataset);
    core::BatchSource::Options options;
    options.batchSize = stage.batchSize;
    options.samples = stage.samples;
    return core::BatchSource(core::openDataset(input.data, stage.split), input.data, options);
}

}  // namespace bitlathe::experiments
