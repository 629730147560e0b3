#include "experiments/jobs/layer_errors_job.h"

namespace bitlathe::experiments {

JobProduct LayerErrorsJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.source.threads);
    const core::BatchSource data = openBatches(m_input.source, m_input.stage, scope);
    const core::QuantizedModel quantized = quantizedModel(m_input.source, scope);

    core::RunContext& context = scope.context();
    context.beginStage("layer errors");
    auto errors = std::make_shared<LayerErrors>();
    errors->layers = engine.layerErrors(quantized.model, quantized.plan, data, context);
    errors->samples = data.sampleCount();
    return std::shared_ptr<const LayerErrors>(std::move(errors));
}

}  // namespace bitlathe::experiments
