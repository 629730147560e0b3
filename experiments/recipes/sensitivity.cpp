#include "experiments/recipes/sensitivity.h"

#include "experiments/recipes/calibration.h"

#include <spdlog/spdlog.h>

#include <vector>

namespace bitlathe::experiments {

SensitivityOutcome findOrMeasureSensitivity(const core::PreparedModel& model,
                                            std::span<const core::SensitivityProbe> probes,
                                            const core::BatchSource& data, core::Engine& engine,
                                            ExperimentLog& log, const core::RunContext& context) {
    const std::string key = calibrationDataHash(data, engine.info());
    SensitivityOutcome outcome;
    outcome.table = log.findSensitivity(model.hash, key, probes);
    std::vector<core::SensitivityProbe> missing;
    for (const core::SensitivityProbe& probe : probes) {
        if (outcome.table.find(probe.site, probe.bits) == nullptr) {
            missing.push_back(probe);
        }
    }
    outcome.measured = static_cast<int>(missing.size());
    outcome.fromCache = static_cast<int>(probes.size() - missing.size());
    if (missing.empty()) {
        return outcome;
    }
    core::RunContext stage = context;
    stage.beginStage("sensitivity");
    const core::SensitivityTable fresh = engine.sensitivity(model, missing, data, stage);
    log.storeSensitivity(model.hash, key, missing, fresh);
    spdlog::info("sensitivity of '{}' on {} images: {} answers measured, {} from the log", model.graph.name,
                 data.sampleCount(), outcome.measured, outcome.fromCache);
    outcome.table.samples = fresh.samples;
    outcome.table.floatLoss = fresh.floatLoss;
    outcome.table.floatCorrect = fresh.floatCorrect;
    for (const auto& [site, entries] : fresh.sites) {
        for (const auto& [bits, entry] : entries) {
            outcome.table.add(entry);
        }
    }
    return outcome;
}

}  // namespace bitlathe::experiments
