#include "experiments/jobs/layer_errors_job.h"

#include "core/data/batches.h"

namespace bitlathe::experiments {

JobProduct LayerErrorsJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.threads);
    core::RunContext& context = scope.context();
    context.beginStage("open data");
    context.checkpoint(0, 1, m_input.data.dataset);

    core::BatchSource::Options options;
    options.batchSize = m_input.stage.batchSize;
    options.samples = m_input.stage.samples;
    const core::BatchSource data(core::openDataset(m_input.data, m_input.stage.split), m_input.data, options);
    const core::QuantPlan plan = core::resolvePlan(*m_input.model, m_input.config, *m_input.statistics);

    context.beginStage("layer errors");
    auto errors = std::make_shared<LayerErrors>();
    errors->layers = engine.layerErrors(*m_input.model, plan, data, context);
    errors->samples = data.sampleCount();
    return std::shared_ptr<const LayerErrors>(std::move(errors));
}

}  // namespace bitlathe::experiments
