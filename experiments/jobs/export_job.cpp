#include "experiments/jobs/export_job.h"

namespace bitlathe::experiments {

namespace {

void refuseBlocking(const std::vector<core::ExportCheck>& checks, const std::string& format) {
    std::string reasons;
    for (const core::ExportCheck& check : checks) {
        if (check.isBlocking) {
            reasons += "\n  " + (check.layer.empty() ? std::string("model") : check.layer.str()) + ": " +
                       check.message;
        }
    }
    if (!reasons.empty()) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "export as " + format + " is not possible:" + reasons);
    }
}

}  // namespace

JobProduct ExportJob::run(JobScope& scope) {
    core::RunContext& context = scope.context();
    context.beginStage("export");
    context.checkpoint(0, 2, "checking");
    const core::QuantizedModel quantized = quantizedModel(m_input.source, scope);
    context.beginStage("export");
    const std::unique_ptr<core::Exporter> exporter = core::exporterRegistry().create(m_input.exporter);

    auto exported = std::make_shared<ExportedFiles>();
    exported->format = m_input.exporter.name;
    exported->folder = m_input.folder;
    exported->remarks = exporter->check(quantized.model, quantized.plan);
    refuseBlocking(exported->remarks, exported->format);

    context.checkpoint(1, 2, m_input.folder);
    exported->files = exporter->write(quantized.model, quantized.plan, m_input.folder);
    return std::shared_ptr<const ExportedFiles>(std::move(exported));
}

}  // namespace bitlathe::experiments
