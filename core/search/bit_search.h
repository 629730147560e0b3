#pragma once

#include "core/search/search_space.h"

#include <string_view>

namespace bitlathe::core {

/// Least cost under the limits by integer linear programming (README eq. 95):
///
///   minimise    sum over sites s and widths b of cost[s,b] x[s,b]
///   subject to  sum over b of x[s,b] = 1                                 for each site
///               fixed ROM + sum of rom[s,b] x[s,b] <= romBytes
///               step's fixed + sum of ceil(elements b / 8) x[s,b] <= ramBytes   for each step
///               sum over layers of macs w a y[w,a] <= bitOperations      y the product of two x, made linear
///
/// Proved optimal, or the verdict says why not. Deterministic. Infeasible limits give a verdict with the binding layer.
/// Without a solver in this build, or past `timeLimitMs`, the greedy search's answer, and `method` says so.
/// Errors  InvalidConfig: limits below 0.
SearchResult searchIlp(const SearchSpace& space, const SearchLimits& limits, int timeLimitMs = 10000);

/// From the widest everywhere, the cut that frees most of what is over the limits for its cost, again and again; then
/// widths that fit again are given back. No proof, always ends.
SearchResult searchGreedy(const SearchSpace& space, const SearchLimits& limits);

/// Name and version of the integer programming solver in this build ("GLPK 5.0"); empty: none, install libglpk-dev.
std::string_view ilpSolverName() noexcept;

}  // namespace bitlathe::core
