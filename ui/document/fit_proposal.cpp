#include "ui/document/fit_proposal.h"

#include "core/search/bit_search.h"
#include "core/search/memory_driven.h"
#include "core/search/pareto_front.h"
#include "core/types/error.h"
#include "experiments/recipes/search_run.h"
#include "experiments/recipes/variant_report.h"
#include "ui/document/layer_title.h"

#include <QCoreApplication>

namespace bitlathe::ui {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("FitProposal", text);
}

void searchByRules(const FitRequest& request, FitProposal& proposal) {
    core::MemoryDrivenOptions options;
    options.romLimitBytes = request.romLimitBytes;
    options.ramLimitBytes = request.ramLimitBytes;
    options.bits.weights = request.bits;
    options.bits.activations = request.bits;
    options.mode = request.method == FitMethod::RulesPerLayer ? core::MemoryDrivenOptions::Mode::MixPL
                                                              : core::MemoryDrivenOptions::Mode::MixPC;
    const core::MemoryDrivenResult result = core::memoryDrivenBits(*request.model, options);
    proposal.isFeasible = result.isFeasible;
    if (result.isFeasible) {
        core::applyBits(result, *request.model, proposal.config);
    } else {
        proposal.verdict = QString::fromStdString(result.verdict);
        if (result.bindingLayer >= 0) {
            proposal.bindingLayer = request.model->layers[static_cast<std::size_t>(result.bindingLayer)].id;
        }
    }
}

std::optional<double> estimatedTop1(const FitRequest& request, const core::QuantConfig& config) {
    const core::SensitivityTable* const table = request.sensitivity.get();
    if (table == nullptr || table->samples == 0) {
        return std::nullopt;
    }
    return experiments::estimateAccuracy(*table, config).top1Percent;
}

core::SearchSpace spaceOf(const FitRequest& request) {
    core::BitChoices bits;
    bits.weights = request.bits;
    bits.activations = request.bits;
    return core::searchSpace(*request.model, request.config, bits, core::RamModel::Lifetimes,
                             request.sensitivity.get(), core::SensitivityMeasure::KlDivergence);
}

void searchOptimally(const FitRequest& request, FitProposal& proposal) {
    const core::SearchSpace space = spaceOf(request);
    core::SearchLimits limits;
    limits.romBytes = request.romLimitBytes;
    limits.ramBytes = request.ramLimitBytes;
    const core::SearchResult result = core::searchIlp(space, limits);
    proposal.isFeasible = result.isFeasible;
    if (result.isFeasible) {
        core::applyBits(space, result, proposal.config);
        proposal.estimatedTop1 = estimatedTop1(request, proposal.config);
    } else {
        proposal.verdict = QString::fromStdString(result.verdict);
        if (result.bindingLayer >= 0) {
            proposal.bindingLayer = space.layers[static_cast<std::size_t>(result.bindingLayer)];
        }
    }
}

/// "W4.2 A6.0"
QString meanBitsText(const core::PreparedModel& model, const core::QuantConfig& config) {
    const experiments::MeanBits bits = experiments::meanBits(model, config);
    return QStringLiteral("W%1 A%2").arg(QString::number(bits.weights, 'f', 1),
                                         QString::number(bits.activations, 'f', 1));
}

/// The budget counts what the rules leave out (pools, branches), so it has the last word.
void judge(const FitRequest& request, FitProposal& proposal) {
    if (proposal.budget.romBytes > request.romLimitBytes) {
        proposal.isFeasible = false;
        proposal.verdict = tr("Too big: the least found is %1 B of ROM, %2 B over the limit.")
                               .arg(groupedNumber(proposal.budget.romBytes),
                                    groupedNumber(proposal.budget.romBytes - request.romLimitBytes));
    } else if (proposal.budget.peakRamBytes > request.ramLimitBytes) {
        proposal.isFeasible = false;
        const auto peak = static_cast<std::size_t>(proposal.budget.peakLayer);
        proposal.bindingLayer = proposal.budget.layers[peak].layer;
        proposal.verdict =
            tr("Too big: %1 needs %2 B of RAM, %3 B over the limit.")
                .arg(layerTitle(proposal.bindingLayer), groupedNumber(proposal.budget.peakRamBytes),
                     groupedNumber(proposal.budget.peakRamBytes - request.ramLimitBytes));
    } else {
        proposal.verdict =
            tr("Fits: %1 of %2 B of ROM, %3 of %4 B of RAM.")
                .arg(groupedNumber(proposal.budget.romBytes), groupedNumber(request.romLimitBytes),
                     groupedNumber(proposal.budget.peakRamBytes), groupedNumber(request.ramLimitBytes));
    }
}

}  // namespace

FitProposal proposeFit(const FitRequest& request) {
    FitProposal proposal;
    proposal.config = request.config;
    proposal.before = core::computeBudget(*request.model, request.config);
    try {
        request.method == FitMethod::Optimal ? searchOptimally(request, proposal)
                                             : searchByRules(request, proposal);
    } catch (const core::Error& error) {
        proposal.isFeasible = false;
        proposal.config = request.config;
        proposal.verdict = QString::fromUtf8(error.what());
    }
    proposal.budget = core::computeBudget(*request.model, proposal.config);
    if (proposal.isFeasible) {
        judge(request, proposal);
    }
    return proposal;
}

std::vector<FitPoint> fitFront(const FitRequest& request, const core::RunContext& context) {
    const core::SearchSpace space = spaceOf(request);
    std::vector<FitPoint> points;
    for (const core::SearchResult& result : core::paretoFront(space, {}, context)) {
        FitPoint point;
        point.config = request.config;
        core::applyBits(space, result, point.config);
        const core::Budget budget = core::computeBudget(*request.model, point.config);
        point.romBytes = budget.romBytes;
        point.peakRamBytes = budget.peakRamBytes;
        point.estimatedTop1 = estimatedTop1(request, point.config).value_or(0);
        point.name = meanBitsText(*request.model, point.config);
        points.push_back(std::move(point));
    }
    return points;
}

std::vector<FitChange> compareConfigs(const core::PreparedModel& model, const core::QuantConfig& before,
                                      const core::QuantConfig& after) {
    const core::Budget budgetBefore = core::computeBudget(model, before);
    const core::Budget budgetAfter = core::computeBudget(model, after);
    std::vector<FitChange> changes;
    FitChange input;
    input.layer = core::kInputLayer;
    input.outputBefore = before.input.bits;
    input.outputAfter = after.input.bits;
    input.isChanged = before.input != after.input;
    changes.push_back(input);
    const auto quantOf = [](const core::QuantConfig& config, const core::LayerId& id) {
        const auto found = config.layers.find(id);
        return found == config.layers.end() ? core::LayerQuant() : found->second;
    };
    for (const core::Layer& layer : model.layers) {
        if (!layer.isQuantizable) {
            continue;
        }
        const core::LayerQuant old = quantOf(before, layer.id);
        const core::LayerQuant now = quantOf(after, layer.id);
        const auto index = static_cast<std::size_t>(layer.index);
        FitChange change;
        change.layer = layer.id;
        change.hasWeights = layer.hasWeights();
        change.weightBefore = old.weight.bits;
        change.weightAfter = now.weight.bits;
        change.outputBefore = old.output.bits;
        change.outputAfter = now.output.bits;
        change.romBefore = budgetBefore.layers[index].romBytes();
        change.romAfter = budgetAfter.layers[index].romBytes();
        change.ramBefore = budgetBefore.layers[index].ramBytes();
        change.ramAfter = budgetAfter.layers[index].ramBytes();
        change.isChanged = old != now;
        changes.push_back(change);
    }
    return changes;
}

}  // namespace bitlathe::ui
