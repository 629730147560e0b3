#pragma once

#include "core/device/budget.h"
#include "core/search/memory_driven.h"
#include "core/search/search_space.h"

#include <optional>
#include <string>
#include <string_view>

namespace bitlathe::core {

/// How bits are chosen.
enum class FitMethod {
    MixPL,   ///< "mix_pl": memory-driven rules, weights per tensor
    MixPC,   ///< "mix_pc": memory-driven rules, weights per channel
    Ilp,     ///< "ilp": least estimated cost, proved
    Greedy,  ///< "greedy": cut by cut
};
std::string_view fitMethodName(FitMethod method) noexcept;
/// Errors  InvalidConfig: unknown name; lists the known ones.
FitMethod fitMethodFromName(std::string_view name);

struct FitRequest {
    FitMethod method = FitMethod::Ilp;
    SearchLimits limits;
    BitChoices bits;
    RamModel ramModel = RamModel::Lifetimes;
    SensitivityMeasure measure = SensitivityMeasure::KlDivergence;
    ArenaRules rules;
    std::vector<ArenaBank>
        banks;  ///< RamModel::Arena: where the arena may lie; empty: one bank of limits.ramBytes
};

/// The RAM an arena may use: `banks` (ramBanks) with the first, the main region, cut down to `mainBytes`. The limit of
/// RAM becomes their sum: other RAM models have one figure, an arena has places.
void useBanks(FitRequest& request, std::vector<ArenaBank> banks, std::int64_t mainBytes);

/// A configuration that fits, or the nearest there is and what stands in its way.
struct FitResult {
    bool isFeasible = false;
    bool isOptimal = false;
    std::string method;  ///< what gave the answer: "greedy" where "ilp" was asked for and no solver was there
    QuantConfig config;
    Budget budget;    ///< of config, with the request's RAM model
    double cost = 0;  ///< estimate; 0 for the rules, which have none
    std::int64_t bitOperations = 0;
    std::optional<LayerId> bindingLayer;  ///< of the infeasible
    std::string verdict;
};

/// Chooses bits for a model. `base` says how each site is quantized; MixPL and MixPC set granularity and batch norm
/// themselves. `table` may be null (search_space.h). With RamModel::Arena a result whose real arena is larger than its
/// lower bound is searched again with that much less RAM.
/// Errors  as searchSpace and memoryDrivenBits.
FitResult fitBits(const PreparedModel& model, const QuantConfig& base, const FitRequest& request,
                  const SensitivityTable* table);

}  // namespace bitlathe::core
