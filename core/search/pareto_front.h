#pragma once

#include "core/run/run_context.h"
#include "core/search/search_space.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitlathe::core {

struct ParetoOptions {
    int romSteps = 12;  ///< limits tried from the widest bits' ROM down to the least there is
    int ramSteps = 6;
    std::optional<std::int64_t> romLimitBytes;  ///< nothing above; empty: up to the widest bits
    std::optional<std::int64_t> ramLimitBytes;
    int solveLimitMs = 2000;  ///< of one solution
};

/// Whether a is at least as good as b in estimated cost, ROM and RAM, and better in one.
bool dominates(const SearchResult& a, const SearchResult& b) noexcept;

/// Configurations nobody beats in cost, ROM and RAM at once, by ROM, then RAM: an epsilon-constraint sweep (Haimes,
/// Lasdon, Wismer 1971) over searchIlp, dominated and equal ones removed. A limit that the solution of a looser one
/// already keeps isn't solved again. Empty when nothing fits the limits.
/// Throws Cancelled through `context`; one checkpoint for each solution.
/// Errors  InvalidConfig: steps below 1, limits below 0.
std::vector<SearchResult> paretoFront(const SearchSpace& space, const ParetoOptions& options = {},
                                      const RunContext& context = {});

}  // namespace bitlathe::core
