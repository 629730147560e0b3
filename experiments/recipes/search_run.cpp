#include "experiments/recipes/search_run.h"

#include "core/graph/prepare.h"
#include "core/ptq/needed_detail.h"
#include "experiments/recipes/config_rules.h"
#include "experiments/recipes/sensitivity.h"
#include "experiments/records/metric_names.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace bitlathe::experiments {

namespace {

bool needsSensitivity(core::FitMethod method) {
    return method == core::FitMethod::Ilp || method == core::FitMethod::Greedy;
}

core::SensitivityTable tableFor(RecipeSession& session, const SearchStage& stage,
                                const core::QuantConfig& base, const core::BatchSource& data) {
    const core::PreparedModel prepared = core::preparedFor(session.model, base);
    std::vector<int> activations = stage.bits.activations;
    if (std::find(activations.begin(), activations.end(), stage.bits.edge) == activations.end()) {
        activations.push_back(stage.bits.edge);
    }
    const auto probes =
        core::sensitivityProbes(prepared, base, session.statistics(prepared, core::channelDetailFor(base)),
                                stage.bits.weights, activations);
    return findOrMeasureSensitivity(prepared, probes, data, session.engine, session.log,
                                    session.stageContext("sensitivity"))
        .table;
}

void writeEstimate(RecipeSession& session, const core::FitResult& fit, const core::SensitivityTable& table,
                   const core::BatchSource& data, RunId run) {
    const auto add = [&](const char* name, double value, const char* unit) {
        session.log.addMetric(run, {name, value, unit, table.samples, {}, {}});
    };
    const core::QuantizedModel quantized = session.resolve(fit.config);
    const core::EvaluationResult measured = session.engine.evaluate(
        quantized.model, quantized.plan, data, session.stageContext("check the estimate"));
    const AccuracyEstimate estimate = estimateAccuracy(table, fit.config);
    add(metric::kEstimatedTop1, estimate.top1Percent, "%");
    add(metric::kEstimatedLoss, estimate.loss, "nats");
    add(metric::kSearchTop1, measured.top1Percent(), "%");
    add(metric::kSearchLoss, measured.meanLoss, "nats");
    add(metric::kEstimateErrorTop1, estimate.top1Percent - measured.top1Percent(), "%");
    add(metric::kEstimateErrorLoss, estimate.loss - measured.meanLoss, "nats");
    add(metric::kSearchCost, fit.cost, "");
    add(metric::kBitOperations, static_cast<double>(fit.bitOperations), "");
}

}  // namespace

AccuracyEstimate estimateAccuracy(const core::SensitivityTable& table, const core::QuantConfig& config) {
    double loss = table.floatLoss;
    double correct = static_cast<double>(table.floatCorrect);
    for (const auto& [site, entries] : table.sites) {
        const core::SiteQuant quant = config.site(site);
        const core::Sensitivity* const entry = quant.bits ? table.find(site, quant.bits->bits()) : nullptr;
        if (entry != nullptr) {
            loss += entry->loss - table.floatLoss;
            correct += static_cast<double>(entry->correct - table.floatCorrect);
        }
    }
    // What single sites gain are images on the border of two classes, the same ones again and again: gains do not add
    // up (49 sites of the bundled MobileNetV1 would gain 28 of 512 images and together gain none).
    correct = std::min(correct, static_cast<double>(table.floatCorrect));
    const auto samples = static_cast<double>(std::max<std::int64_t>(1, table.samples));
    return {loss, 100.0 * std::clamp(correct / samples, 0.0, 1.0)};
}

core::FitRequest fitRequestOf(const SearchStage& stage, const std::optional<core::Device>& device) {
    core::FitRequest request;
    request.method = stage.method;
    request.bits = stage.bits;
    request.ramModel = stage.ramModel;
    request.measure = stage.measure;
    request.limits.romBytes = stage.romBytes.value_or(device ? device->romLimitBytes() : 0);
    request.limits.ramBytes = stage.ramBytes.value_or(device ? device->ramLimitBytes() : 0);
    request.limits.bitOperations = stage.bitOperations;
    return request;
}

core::BatchSource searchData(const RecipeSession& session, const SearchStage& stage) {
    core::BatchSource::Options options;
    options.batchSize = stage.batchSize;
    options.samples = stage.samples;
    options.shuffle = session.recipe.seed;
    return core::BatchSource(core::openDataset(session.recipe.data, stage.split), session.recipe.data,
                             options);
}

ChosenBits chooseBits(RecipeSession& session, const SearchStage& stage, const core::QuantConfig& base,
                      const core::FitRequest& request, const core::BatchSource& data) {
    ChosenBits chosen;
    const bool isMeasured = needsSensitivity(stage.method);
    if (isMeasured) {
        chosen.table = tableFor(session, stage, base, data);
    }
    const auto begin = std::chrono::steady_clock::now();
    chosen.fit = core::fitBits(session.model, base, request, isMeasured ? &chosen.table : nullptr);
    chosen.searchMs =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    return chosen;
}

VariantResult runSearch(RecipeSession& session, const SearchStage& stage,
                        const std::vector<ResolvedVariant>& variants) {
    const auto base = std::find_if(variants.begin(), variants.end(), [&](const ResolvedVariant& candidate) {
        return candidate.variant->name == stage.base;
    });
    const core::BatchSource data = searchData(session, stage);
    const ChosenBits chosen =
        chooseBits(session, stage, base->config, fitRequestOf(stage, session.device), data);
    const core::FitResult& fit = chosen.fit;
    if (!fit.isFeasible) {
        throw core::Error(core::ErrorCode::InvalidConfig, "search '" + stage.name + "': " + fit.verdict);
    }
    const Variant found{stage.name, toDocument(fit.config)};
    return runVariant(session, {&found, fit.config}, [&](RunId run) {
        if (needsSensitivity(stage.method)) {
            writeEstimate(session, fit, chosen.table, data, run);
        }
    });
}

}  // namespace bitlathe::experiments
