#include "experiments/jobs/calibrate_job.h"

#include "core/data/batches.h"
#include "experiments/recipes/calibration.h"
#include "experiments/store/experiment_log.h"

namespace bitlathe::experiments {

JobProduct CalibrateJob::run(JobScope& scope) {
    core::Engine& engine = scope.engine();
    engine.setThreads(m_input.threads);
    core::RunContext& context = scope.context();
    context.beginStage("open data");
    context.checkpoint(0, 1, m_input.data.dataset);
    const core::BatchSource data = calibrationBatches(m_input.data, m_input.stage, m_input.seed);
    const std::unique_ptr<ExperimentLog> log = ExperimentLog::open(m_input.logPath);

    // Everything: what is chosen next in the window must not need the images again.
    CalibrationOutcome outcome =
        findOrCalibrate(*m_input.model, data, core::ChannelDetail::Histograms, engine, *log, context);
    auto calibration = std::make_shared<Calibration>();
    calibration->statistics = std::make_shared<const core::Statistics>(std::move(outcome.statistics));
    calibration->isFromCache = outcome.isFromCache;
    return std::shared_ptr<const Calibration>(std::move(calibration));
}

}  // namespace bitlathe::experiments
