#pragma once

#include "core/device/budget.h"
#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace bitlathe::ui {

/// How bits are chosen.
enum class FitMethod {
    RulesPerLayer,    ///< memory-driven rules, one weight scale a layer ("MixPL")
    RulesPerChannel,  ///< the same, weight scales per channel ("MixPC")
};

/// Everything a proposal follows from, by value: fit for a worker.
struct FitRequest {
    std::shared_ptr<const core::PreparedModel> model;
    core::QuantConfig config;  ///< what is there now
    std::int64_t romLimitBytes = 0;
    std::int64_t ramLimitBytes = 0;
    FitMethod method = FitMethod::RulesPerChannel;
    int leastBits = 2;  ///< the rules halve: 8, 4, 2
};

/// Bits that fit, or why none do.
struct FitProposal {
    bool isFeasible = false;
    QString verdict;             ///< one sentence
    core::LayerId bindingLayer;  ///< stands in the way; empty where it fits
    core::QuantConfig config;    ///< the proposal; what is there now where it is not feasible
    core::Budget budget;         ///< of it
    core::Budget before;
};

/// Never throws: a search that cannot take the model says so in the verdict.
FitProposal proposeFit(const FitRequest& request);

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
