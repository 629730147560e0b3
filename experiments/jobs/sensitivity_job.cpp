#include "experiments/jobs/sensitivity_job.h"

#include "core/graph/prepare.h"

namespace bitlathe::experiments {

JobProduct SensitivityJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.source.threads);
    const core::BatchSource data = openBatches(m_input.source, m_input.stage, scope);

    ConfiguredModel source = m_input.source;
    source.config.postTraining.clear();
    const core::QuantizedModel quantized = quantizedModel(source, scope);
    const std::vector<core::SensitivityProbe> probes = core::sensitivityProbes(
        quantized.model, source.config, quantized.statistics, m_input.bits, m_input.bits);
    core::RunContext& context = scope.context();
    context.beginStage("sensitivity");
    auto measured = std::make_shared<MeasuredSensitivity>();
    measured->config = source.config;
    measured->table = engine.sensitivity(quantized.model, probes, data, context);
    return std::shared_ptr<const MeasuredSensitivity>(std::move(measured));
}

}  // namespace bitlathe::experiments
