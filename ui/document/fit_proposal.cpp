#include "ui/document/fit_proposal.h"

#include "core/search/pareto_front.h"
#include "core/search/search_space.h"
#include "core/types/error.h"
#include "experiments/recipes/search_run.h"
#include "experiments/recipes/variant_report.h"
#include "ui/document/layer_title.h"

#include <QCoreApplication>

#include <algorithm>

namespace bitlathe::ui {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("FitProposal", text);
}

std::optional<double> estimatedTop1(const FitQuestion& question, const core::QuantConfig& config) {
    const core::SensitivityTable* const table = question.sensitivity.get();
    if (table == nullptr || table->samples == 0) {
        return std::nullopt;
    }
    return experiments::estimateAccuracy(*table, config).top1Percent;
}

core::Budget budgetOf(const FitQuestion& question, const core::QuantConfig& config) {
    const core::FitRequest& search = question.search;
    return core::computeBudget(*question.model, config, search.ramModel, search.rules, search.banks);
}

/// "W4.2 A6.0"
QString meanBitsText(const core::PreparedModel& model, const core::QuantConfig& config) {
    const experiments::MeanBits bits = experiments::meanBits(model, config);
    return QStringLiteral("W%1 A%2").arg(QString::number(bits.weights, 'f', 1),
                                         QString::number(bits.activations, 'f', 1));
}

QString fittingText(const core::Budget& budget, const core::FitRequest& search) {
    QString text = tr("Fits: %1 of %2 B of ROM, %3 of %4 B of RAM")
                       .arg(groupedNumber(budget.romBytes), groupedNumber(search.limits.romBytes),
                            groupedNumber(budget.peakRamBytes), groupedNumber(search.limits.ramBytes));
    for (std::size_t i = 0; search.banks.size() > 1 && i < search.banks.size(); ++i) {
        text += (i == 0 ? QStringLiteral(" (") : QStringLiteral(", ")) +
                tr("%1 %2 B").arg(QString::fromStdString(search.banks[i].name),
                                  groupedNumber(budget.arena.bankBytes[i]));
    }
    return text + (search.banks.size() > 1 ? QStringLiteral(").") : QStringLiteral("."));
}

/// What answered: a search without a solver or without an answer in time falls back to the greedy one.
QString methodText(const core::FitResult& result) {
    if (result.method == core::fitMethodName(core::FitMethod::Ilp)) {
        return result.isOptimal ? tr("integer program, proved the least cost")
                                : tr("integer program, not proved the least cost");
    }
    return result.method == core::fitMethodName(core::FitMethod::Greedy) ? tr("greedy, cut by cut")
                                                                         : tr("memory-driven rules");
}

}  // namespace

bool isByCost(core::FitMethod method) noexcept {
    return method == core::FitMethod::Ilp || method == core::FitMethod::Greedy;
}

FitProposal proposeFit(const FitQuestion& question) {
    FitProposal proposal;
    proposal.config = question.config;
    proposal.before = budgetOf(question, question.config);
    try {
        core::FitResult found =
            core::fitBits(*question.model, question.config, question.search, question.sensitivity.get());
        proposal.isFeasible = found.isFeasible;
        proposal.method = methodText(found);
        proposal.bindingLayer = found.bindingLayer.value_or(core::LayerId());
        if (found.isFeasible) {
            proposal.config = std::move(found.config);
            proposal.budget = std::move(found.budget);
            proposal.verdict = fittingText(proposal.budget, question.search);
            if (isByCost(question.search.method)) {
                proposal.estimatedTop1 = estimatedTop1(question, proposal.config);
            }
        } else {
            proposal.verdict = QString::fromStdString(found.verdict);
        }
    } catch (const core::Error& error) {
        proposal.isFeasible = false;
        proposal.verdict = QString::fromUtf8(error.what());
    }
    if (!proposal.isFeasible) {
        proposal.budget = proposal.before;
    }
    return proposal;
}

std::vector<FitPoint> fitFront(const FitQuestion& question, const core::RunContext& context) {
    const core::FitRequest& search = question.search;
    const core::SearchSpace space =
        core::searchSpace(*question.model, question.config, search.bits, search.ramModel,
                          question.sensitivity.get(), search.measure, search.rules);
    std::vector<FitPoint> points;
    for (const core::SearchResult& result : core::paretoFront(space, {}, context)) {
        FitPoint point;
        point.config = question.config;
        core::applyBits(space, result, point.config);
        const core::Budget budget = budgetOf(question, point.config);
        point.romBytes = budget.romBytes;
        point.peakRamBytes = budget.peakRamBytes;
        point.estimatedTop1 = estimatedTop1(question, point.config).value_or(0);
        point.name = meanBitsText(*question.model, point.config);
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
