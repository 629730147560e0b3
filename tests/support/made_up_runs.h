#pragma once

#include "core/types/quant_config.h"
#include "experiments/recipes/recipe.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/experiment_log.h"

#include <string>
#include <vector>

namespace bitlathe::tests {

/// What a made-up run shall look like.
struct MadeUpRun {
    std::string name = "W8A8";
    std::string recipe = "demo";
    int weightBits = 8;
    int activationBits = 8;
    double top1 = 91.0;
    double romBytes = 218'000;
    double ramBytes = 14'336;
    bool fits = true;
    experiments::RunStatus status = experiments::RunStatus::Succeeded;
    std::string error;
    std::vector<std::string> layers{"stem.conv", "blocks.1.depthwise.conv", "blocks.1.pointwise.conv",
                                    "classifier"};
    std::size_t changedLayers = 4;  ///< so many of the first layers have weightBits, the others 8
};

inline core::SiteQuant madeUpSite(int bits, core::Granularity::Kind granularity,
                                  const std::string& quantizer) {
    core::SiteQuant site;
    site.bits = core::BitWidth(bits);
    site.quantizer = {quantizer, {}};
    site.granularity.kind = granularity;
    return site;
}

/// Writes it with metrics, configuration and layer statistics. Running runs are left open.
inline experiments::RunId addMadeUpRun(experiments::ExperimentLog& log, const MadeUpRun& run) {
    namespace metric = experiments::metric;
    core::QuantConfig config;
    config.input = madeUpSite(8, core::Granularity::Kind::Tensor, "affine");
    std::vector<experiments::LayerStatistic> statistics;
    for (std::size_t i = 0; i < run.layers.size(); ++i) {
        const int bits = i < run.changedLayers ? run.weightBits : 8;
        const core::LayerId id(run.layers[i]);
        config.layers[id] = {madeUpSite(bits, core::Granularity::Kind::Channel, "symmetric"),
                             madeUpSite(run.activationBits, core::Granularity::Kind::Tensor, "affine"),
                             core::BatchNormMode::Folded};
        const double depth = static_cast<double>(i);
        statistics.push_back({id, "weight", metric::kSqnrDb, 6.02 * bits - 7 - 0.3 * depth});
        statistics.push_back({id, "output", metric::kSqnrDb, 6.02 * run.activationBits - 9 - 0.1 * depth});
        statistics.push_back({id, "output", metric::kRangeLower, 0.0});
        statistics.push_back({id, "output", metric::kRangeUpper, 6.0});
    }

    experiments::NewRun row;
    row.name = run.name;
    row.recipeName = run.recipe;
    row.groupId = "group";
    row.recipeJson = "{}";
    row.configJson = experiments::toDocument(config).json.dump();
    row.modelPath = "models/mobilenet_v1_025.pt";
    row.modelHash = std::string(64, 'a');
    row.dataHash = std::string(64, 'd');
    row.configHash = std::to_string(run.weightBits) + std::string(63, 'c');
    row.deviceId = "stm32f411re";
    row.seed = core::Seed{7};
    row.threads = 2;
    row.environment = {{"torch", "1.13.1"}, {"host", "bench"}};

    const experiments::RunId id = log.beginRun(row);
    if (run.status == experiments::RunStatus::Running) {
        return id;
    }
    if (run.status == experiments::RunStatus::Succeeded) {
        log.addMetric(id, {metric::kTop1, run.top1, "%", 10'000, run.top1 - 0.57, run.top1 + 0.55});
        log.addMetric(id, {metric::kRomBytes, run.romBytes, "B", 0, {}, {}});
        log.addMetric(id, {metric::kRamBytes, run.ramBytes, "B", 0, {}, {}});
        log.addMetric(id, {metric::kMeanWeightBits, static_cast<double>(run.weightBits), "bit", 0, {}, {}});
        log.addMetric(
            id, {metric::kMeanActivationBits, static_cast<double>(run.activationBits), "bit", 0, {}, {}});
        log.addMetric(id, {metric::kFitsDevice, run.fits ? 1.0 : 0.0, "", 0, {}, {}});
        log.addLayerStatistics(id, statistics);
    }
    log.finishRun(id, run.status, run.error);
    return id;
}

}  // namespace bitlathe::tests
