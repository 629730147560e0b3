#pragma once

#include "core/search/search_space.h"

namespace bitlathe::core {

/// Each site's narrowest choice. Every figure falls with the bits, so limits that this breaks cannot be kept at all.
std::vector<int> narrowest(const SearchSpace& space);
std::vector<int> widest(const SearchSpace& space);

/// Whether a choice keeps all limits.
bool keeps(const SearchSpace& space, const SearchLimits& limits, const std::vector<int>& choice);

/// Errors  InvalidConfig: a limit below 0.
void requireLimits(const SearchLimits& limits);

/// Fills figures, feasibility, binding layer and verdict from `choice`.
SearchResult judged(const SearchSpace& space, const SearchLimits& limits, std::vector<int> choice,
                    std::string method, bool isOptimal);

}  // namespace bitlathe::core
