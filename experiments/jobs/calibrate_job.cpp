#include "experiments/jobs/calibrate_job.h"

#include "core/data/batches.h"
#include "experiments/store/experiment_log.h"

namespace bitlathe::experiments {

namespace {

core::BatchSource openBatches(const CalibrateJob::Input& input) {
    core::BatchSource::Options options;
    options.batchSize = input.stage.batchSize;
    options.samples = input.stage.samples;
    options.shuffle = input.seed;
    return core::BatchSource(core::openDataset(input.data, input.stage.split), input.data, options);
}

} // namespace

JobProduct CalibrateJob::run(JobScope& scope) {
    core::RunContext& context = scope.context();
    context.beginStage("open data");
    context.checkpoint(0, 1, m_input.data.dataset);
    const core::BatchSource data = openBatches(m_input);
    const std::unique_ptr<ExperimentLog> log = ExperimentLog::open(m_input.logPath);

    auto calibration = std::make_shared<Calibration>();
    if (auto cached = log->findStatistics(m_input.model->hash, data.hash())) {
        calibration->statistics = std::make_shared<const core::Statistics>(std::move(*cached));
        calibration->isFromCache = true;
        return std::shared_ptr<const Calibration>(std::move(calibration));
    }

    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.threads);
    context.beginStage("calibrate");
    auto statistics =
        std::make_shared<const core::Statistics>(engine.calibrate(*m_input.model, data, context));
    log->storeStatistics(*statistics);
    calibration->statistics = std::move(statistics);
    return std::shared_ptr<const Calibration>(std::move(calibration));
}

} // namespace bitlathe::experiments
