#include "experiments/jobs/layer_errors_job.h"

#include "core/data/batches.h"

namespace bitlathe::experiments {

JobProduct LayerErrorsJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.source.threads);
    core::RunContext& context = scope.context();
    context.beginStage("open data");
    context.checkpoint(0, 1, m_input.source.data.dataset);

    core::BatchSource::Options options;
    options.batchSize = m_input.stage.batchSize;
    options.samples = m_input.stage.samples;
    const core::BatchSource data(core::openDataset(m_input.source.data, m_input.stage.split),
                                 m_input.source.data, options);
    const core::QuantizedModel quantized = quantizedModel(m_input.source, scope);

    context.beginStage("layer errors");
    auto errors = std::make_shared<LayerErrors>();
    errors->layers = engine.layerErrors(quantized.model, quantized.plan, data, context);
    errors->samples = data.sampleCount();
    return std::shared_ptr<const LayerErrors>(std::move(errors));
}

}  // namespace bitlathe::experiments
