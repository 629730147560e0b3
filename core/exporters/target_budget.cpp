#include "core/exporters/target_budget.h"

#include "core/deploy/lower.h"
#include "core/graph/prepare.h"
#include "core/ptq/post_training.h"
#include "core/types/error.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace bitlathe::core {

namespace {

constexpr Range kNominalRange{-4, 4};
constexpr double kNominalTop = 6;

/// Where an activation's values may lie when nobody has looked.
Range nominalRange(const PreparedModel& model, const Layer& layer) {
    const auto* clamp = std::get_if<ClampOp>(&model.graph.node(layer.outputNode).op);
    if (clamp == nullptr) {
        return kNominalRange;
    }
    return {std::max(clamp->lower, kNominalRange.lower), std::min(clamp->upper, kNominalTop)};
}

/// Batch norms of a fresh network are alike over their channels, which would share one factor; trained ones are not.
void varyBatchNorms(PreparedModel& model) {
    for (const Layer& layer : model.layers) {
        if (layer.batchNorm < 0) {
            continue;
        }
        auto& norm = std::get<BatchNormOp>(model.graph.nodes[static_cast<std::size_t>(layer.batchNorm)].op);
        std::vector<float> gamma(norm.gamma.values().begin(), norm.gamma.values().end());
        for (std::size_t c = 0; c < gamma.size(); ++c) {
            gamma[c] *= 1 + 0x1p-10F * static_cast<float>(c);
        }
        norm.gamma = FloatTensor(norm.gamma.shape(), std::move(gamma));
    }
}

void setNominal(SiteQuant& site, const Range& range) {
    site.granularity = {};
    site.observer = {"min_max", {}};
    site.manualRange = range;
}

std::string share(const char* name, std::int64_t used, std::int64_t limit) {
    std::string text = std::string(name) + " " + std::to_string(used) + " of " + std::to_string(limit) + " B";
    return used > limit ? text + " (" + std::to_string(used - limit) + " B over)" : text;
}

}  // namespace

QuantPlan nominalPlan(const PreparedModel& model, const QuantConfig& config) {
    QuantConfig nominal = config;
    setNominal(nominal.input, kNominalRange);
    for (auto& [id, quant] : nominal.layers) {
        quant.weight.observer = {"min_max", {}};
        if (const Layer* const layer = model.findLayer(id)) {
            setNominal(quant.output, nominalRange(model, *layer));
        }
    }
    return resolvePlan(model, nominal, {});
}

TargetBudget targetBudget(const PreparedModel& model, const QuantConfig& config, const Device& device,
                          const TargetOptions& options) {
    TargetBudget budget;
    budget.formulas = computeBudget(model, config, options.ramModel, options.rules, options.banks);
    budget.formulaSplit = romSplit(budget.formulas, device);
    budget.isCalibrated = options.plan != nullptr || options.statistics != nullptr;
    try {
        PreparedModel prepared = preparedFor(model, config);
        if (!budget.isCalibrated) {
            varyBatchNorms(prepared);
        }
        const QuantPlan plan = options.plan != nullptr ? *options.plan
                               : options.statistics != nullptr
                                   ? resolvePlan(prepared, config, *options.statistics)
                                   : nominalPlan(prepared, config);
        LoweringOptions lowering;
        lowering.thresholds = options.thresholds;
        const QuantizedModel deployed = deployable(prepared, plan);
        budget.exported =
            cBudget(buildCNetwork(lower(deployed.model, deployed.plan, lowering), options.backend));
        budget.exportedSplit = budget.exported->split(device.reservedRomBytes);
    } catch (const Error& error) {
        budget.refusal = error.what();
    }
    return budget;
}

bool TargetBudget::fitsExported(const Device& device) const noexcept {
    return exported && exported->romBytes() <= device.romLimitBytes() &&
           exported->ramBytes() <= device.ramLimitBytes();
}

std::string TargetBudget::exportedVerdict(const Device& device) const {
    if (!exported) {
        return "not as C: " + refusal;
    }
    std::string text = "as exported in C: " + share("ROM", exported->romBytes(), device.romLimitBytes()) +
                       ", " + share("RAM", exported->ramBytes(), device.ramLimitBytes()) +
                       (fitsExported(device) ? ": fits" : ": does not fit");
    if (exported->ramBytes() > device.ramLimitBytes() && exported->peakLayer() >= 0) {
        text += "; the arena is largest in " + exported->peakText();
    }
    return text;
}

}  // namespace bitlathe::core
