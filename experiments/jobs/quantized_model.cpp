#include "experiments/jobs/quantized_model.h"

#include "core/graph/prepare.h"
#include "experiments/recipes/calibration.h"

namespace bitlathe::experiments {

core::QuantizedModel quantizedModel(const ConfiguredModel& input, JobScope& scope) {
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
        return engine.calibrate(changed, images, context);
    };
    tools.context = context;
    tools.seed = input.seed;
    return core::applyPostTraining(prepared, input.config,
                                   areStatisticsOfIt ? *input.statistics : tools.calibrate(prepared), tools);
}

}  // namespace bitlathe::experiments
