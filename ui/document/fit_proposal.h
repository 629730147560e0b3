#pragma once

#include "core/device/budget.h"
#include "core/device/device.h"
#include "core/graph/layer.h"
#include "core/run/run_context.h"
#include "core/search/fit.h"
#include "core/search/sensitivity.h"
#include "core/types/quant_config.h"

#include <QString>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::ui {

/// Everything a proposal follows from, by value: fit for a worker.
struct FitQuestion {
    std::shared_ptr<const core::PreparedModel> model;
    core::QuantConfig config;  ///< what is there now
    core::FitRequest search;   ///< method, limits, widths, how RAM is reckoned, banks
    /// What each site costs at each width; null: every site counts the same. Of no use to the rules.
    std::shared_ptr<const core::SensitivityTable> sensitivity;
};

/// Whether the search weighs costs of sites, so that there is an estimate of its result.
bool isByCost(core::FitMethod method) noexcept;

/// Bits that fit, or why none do.
struct FitProposal {
    bool isFeasible = false;
    QString verdict;             ///< one sentence
    QString method;              ///< what found it, and whether it is proved; empty: nobody searched
    core::LayerId bindingLayer;  ///< stands in the way; empty where it fits
    core::QuantConfig config;    ///< the proposal; what is there now where it is not feasible
    core::Budget budget;         ///< of it, with the question's RAM model
    core::Budget before;
    std::optional<double> estimatedTop1;  ///< %, from the sensitivities of the sites, added up
};

/// Asks core's search (core/search/fit.h) and says what came of it. Never throws: a search that cannot take the model
/// says so in the verdict.
FitProposal proposeFit(const FitQuestion& question);

/// A configuration nobody beats in estimated cost, ROM and RAM at once.
struct FitPoint {
    core::QuantConfig config;
    std::int64_t romBytes = 0;
    std::int64_t peakRamBytes = 0;
    double estimatedTop1 = 0;  ///< %
    QString name;              ///< "W4.2 A6.0": mean bits
};

/// The front from the widest bits down to the least ROM, by ROM; needs `sensitivity`. Method and limits are ignored.
/// Errors  core::Error; throws Cancelled through `context`.
std::vector<FitPoint> fitFront(const FitQuestion& question, const core::RunContext& context);

/// One layer whose bits a proposal changes.
struct FitChange {
    core::LayerId layer;
    std::optional<core::BitWidth> weightBefore, weightAfter;  ///< empty: float, or no weights
    std::optional<core::BitWidth> outputBefore, outputAfter;
    bool hasWeights = false;
    std::int64_t romBefore = 0, romAfter = 0;
    std::int64_t ramBefore = 0, ramAfter = 0;
    bool isChanged = false;  ///< anything in its choices
};

/// The graph input and every layer that can be quantized, in execution order.
std::vector<FitChange> compareConfigs(const core::PreparedModel& model, const core::QuantConfig& before,
                                      const core::QuantConfig& after);

}  // namespace bitlathe::ui
