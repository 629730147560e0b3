#include "core/search/fit.h"

#include "core/search/bit_search.h"
#include "core/types/error.h"
#include "core/util/named_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr NamedValues<FitMethod, 4> kNames{{{FitMethod::MixPL, "mix_pl"},
                                            {FitMethod::MixPC, "mix_pc"},
                                            {FitMethod::Ilp, "ilp"},
                                            {FitMethod::Greedy, "greedy"}}};
constexpr int kArenaTries = 8;

bool isByRules(FitMethod method) {
    return method == FitMethod::MixPL || method == FitMethod::MixPC;
}

FitResult fitByRules(const PreparedModel& model, const QuantConfig& base, const FitRequest& request,
                     std::int64_t ramBytes) {
    MemoryDrivenOptions options;
    options.romLimitBytes = request.limits.romBytes;
    options.ramLimitBytes = ramBytes;
    options.mode = request.method == FitMethod::MixPC ? MemoryDrivenOptions::Mode::MixPC
                                                      : MemoryDrivenOptions::Mode::MixPL;
    options.bits = request.bits;
    const MemoryDrivenResult found = memoryDrivenBits(model, options, request.ramModel, request.rules);
    FitResult result;
    result.isFeasible = found.isFeasible;
    result.method = fitMethodName(request.method);
    result.config = base;
    applyBits(found, model, result.config);
    result.verdict = found.verdict;
    if (found.bindingLayer >= 0) {
        result.bindingLayer = model.layers[static_cast<std::size_t>(found.bindingLayer)].id;
    }
    return result;
}

FitResult fitByCost(const PreparedModel& model, const QuantConfig& base, const FitRequest& request,
                    const SensitivityTable* table, std::int64_t ramBytes) {
    const SearchSpace space =
        searchSpace(model, base, request.bits, request.ramModel, table, request.measure, request.rules);
    SearchLimits limits = request.limits;
    limits.ramBytes = ramBytes;
    const SearchResult found =
        request.method == FitMethod::Ilp ? searchIlp(space, limits) : searchGreedy(space, limits);
    FitResult result;
    result.isFeasible = found.isFeasible;
    result.isOptimal = found.isOptimal;
    result.method = found.method;
    result.config = base;
    applyBits(space, found, result.config);
    result.cost = found.cost;
    result.bitOperations = found.bitOperations;
    result.verdict = found.verdict;
    if (found.bindingLayer >= 0) {
        result.bindingLayer = space.layers[static_cast<std::size_t>(found.bindingLayer)];
    }
    return result;
}

/// Bytes the arena is over its banks; 0: it fits.
std::int64_t arenaExcess(const Budget& budget, const FitRequest& request) {
    if (request.ramModel != RamModel::Arena) {
        return 0;
    }
    std::int64_t unplaced = 0;
    for (std::size_t i = 0; i < budget.arena.offsets.size(); ++i) {
        unplaced += budget.arena.offsets[i] == ArenaPlan::kUnplaced ? budget.arenaBuffers[i].bytes : 0;
    }
    return unplaced > 0 ? unplaced : std::max<std::int64_t>(0, budget.arena.bytes - request.limits.ramBytes);
}

std::string fittingText(const FitResult& result, const FitRequest& request) {
    return fmt::format("fits: ROM {} of {} B, RAM {} of {} B ({})", result.budget.romBytes,
                       request.limits.romBytes, result.budget.peakRamBytes, request.limits.ramBytes,
                       ramModelName(request.ramModel));
}

}  // namespace

std::string_view fitMethodName(FitMethod method) noexcept {
    return nameOf(kNames, method);
}

FitMethod fitMethodFromName(std::string_view name) {
    return valueNamed(kNames, name, "fit method");
}

void useBanks(FitRequest& request, std::vector<ArenaBank> banks, std::int64_t mainBytes) {
    request.banks = std::move(banks);
    request.banks.front().bytes = mainBytes;
    request.limits.ramBytes = 0;
    for (const ArenaBank& bank : request.banks) {
        request.limits.ramBytes += bank.bytes;
    }
}

FitResult fitBits(const PreparedModel& model, const QuantConfig& base, const FitRequest& request,
                  const SensitivityTable* table) {
    std::int64_t ramBytes = request.limits.ramBytes;
    FitResult result;
    for (int i = 0; i < kArenaTries; ++i) {
        result = isByRules(request.method) ? fitByRules(model, base, request, ramBytes)
                                           : fitByCost(model, base, request, table, ramBytes);
        result.budget = computeBudget(model, result.config, request.ramModel, request.rules, request.banks);
        const std::int64_t excess = arenaExcess(result.budget, request);
        if (!result.isFeasible || excess == 0) {
            break;
        }
        result.isFeasible = false;
        result.verdict = fmt::format(
            "does not fit: every layer keeps the limit, but no packing was found that puts all tensors into "
            "{} B of RAM ({} B too many)",
            request.limits.ramBytes, excess);
        if (ramBytes < excess) {
            break;
        }
        ramBytes -= excess;
    }
    if (result.isFeasible) {
        result.verdict = fittingText(result, request);
        result.isOptimal = result.isOptimal && ramBytes == request.limits.ramBytes;
    }
    if (request.method == FitMethod::Ilp && result.method != fitMethodName(FitMethod::Ilp)) {
        result.verdict +=
            ilpSolverName().empty()
                ? "; by the greedy search, as this build has no integer programming solver (install "
                  "libglpk-dev and build again)"
                : "; by the greedy search, as the solver's time ran out";
    }
    return result;
}

}  // namespace bitlathe::core
