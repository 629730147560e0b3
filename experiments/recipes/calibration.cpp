#include "experiments/recipes/calibration.h"

#include "core/util/sha256.h"

#include <spdlog/spdlog.h>

namespace bitlathe::experiments {

core::BatchSource calibrationBatches(const core::DataSpec& data, const CalibrateStage& stage,
                                     core::Seed seed) {
    core::BatchSource::Options options;
    options.batchSize = stage.batchSize;
    options.samples = stage.samples;
    options.shuffle = seed;
    return core::BatchSource(core::openDataset(data, stage.split), data, options);
}

std::string calibrationDataHash(const core::BatchSource& data, const core::EngineInfo& engine) {
    return core::sha256Hex(data.hash() + "\n" + engine.torchVersion + "\n" + engine.blas + "\n" +
                           engine.cpuCapability + "\n" + std::to_string(engine.threads));
}

CalibrationOutcome findOrCalibrate(const core::PreparedModel& model, const core::BatchSource& data,
                                   core::ChannelDetail detail, core::Engine& engine, ExperimentLog& log,
                                   const core::RunContext& context) {
    const std::string whole = calibrationDataHash(data, engine.info());
    const std::string extremaAlone = core::sha256Hex(whole + "\nextrema of channels");
    const std::string& key = detail == core::ChannelDetail::Histograms ? whole : extremaAlone;
    auto cached = log.findStatistics(model.hash, whole);
    if (!cached && key != whole) {
        cached = log.findStatistics(model.hash, key);
    }
    if (cached) {
        spdlog::info("calibration of '{}' on {} images of {}: taken from the log's cache", model.graph.name,
                     data.sampleCount(), data.dataset().name());
        return {std::move(*cached), true};
    }
    core::RunContext stage = context;
    stage.beginStage("calibrate");
    core::Statistics statistics = engine.calibrate(model, data, detail, stage);
    statistics.modelHash = model.hash;
    statistics.dataHash = key;
    log.storeStatistics(statistics);
    spdlog::info("calibrated '{}' on {} images of {}: {} sites", model.graph.name, data.sampleCount(),
                 data.dataset().name(), statistics.sites.size());
    return {std::move(statistics), false};
}

}  // namespace bitlathe::experiments
