#include "core/search/bit_search.h"
#include "core/search/search_verdict.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

/// How far a choice is over its limits, each limit's overshoot as a share of it.
double overshoot(const SearchSpace& space, const SearchLimits& limits, const std::vector<int>& choice) {
    const auto share = [](std::int64_t needed, std::int64_t limit) {
        return needed <= limit ? 0.0
                               : static_cast<double>(needed - limit) /
                                     static_cast<double>(std::max<std::int64_t>(1, limit));
    };
    double sum = share(space.romBytes(choice), limits.romBytes);
    for (const SearchStep& step : space.steps) {
        sum += share(space.stepBytes(step, choice), limits.ramBytes);
    }
    return limits.bitOperations ? sum + share(space.bitOperations(choice), *limits.bitOperations) : sum;
}

/// The narrowing that costs least for what it frees; -1: none frees anything.
std::pair<int, int> bestCut(const SearchSpace& space, const SearchLimits& limits, std::vector<int> choice) {
    const double before = overshoot(space, limits, choice);
    std::pair<int, int> best{-1, 0};
    double bestRatio = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < space.sites.size(); ++i) {
        const auto& choices = space.sites[i].choices;
        const int current = choice[i];
        for (int next = current + 1; next < static_cast<int>(choices.size()); ++next) {
            choice[i] = next;
            const double freed = before - overshoot(space, limits, choice);
            const double cost = std::max(0.0, choices[static_cast<std::size_t>(next)].cost -
                                                  choices[static_cast<std::size_t>(current)].cost);
            // Without costs (no table) what frees most comes first.
            const double ratio = (cost + std::numeric_limits<double>::min()) / freed;
            if (freed > 0 && ratio < bestRatio) {
                bestRatio = ratio;
                best = {static_cast<int>(i), next};
            }
        }
        choice[i] = current;
    }
    return best;
}

/// Widens whatever fits again, what saves most cost first.
void giveBack(const SearchSpace& space, const SearchLimits& limits, std::vector<int>& choice) {
    while (true) {
        int bestSite = -1;
        int bestChoice = 0;
        double bestSaving = 0;
        for (std::size_t i = 0; i < choice.size(); ++i) {
            const int current = choice[i];
            for (int wider = 0; wider < current; ++wider) {
                const auto& choices = space.sites[i].choices;
                const double saving = choices[static_cast<std::size_t>(current)].cost -
                                      choices[static_cast<std::size_t>(wider)].cost;
                choice[i] = wider;
                if (saving > bestSaving && keeps(space, limits, choice)) {
                    bestSaving = saving;
                    bestSite = static_cast<int>(i);
                    bestChoice = wider;
                }
            }
            choice[i] = current;
        }
        if (bestSite < 0) {
            return;
        }
        choice[static_cast<std::size_t>(bestSite)] = bestChoice;
    }
}

}  // namespace

SearchResult searchGreedy(const SearchSpace& space, const SearchLimits& limits) {
    requireLimits(limits);
    std::vector<int> choice = narrowest(space);
    if (!keeps(space, limits, choice)) {
        return judged(space, limits, std::move(choice), "greedy", false);
    }
    choice = widest(space);
    while (!keeps(space, limits, choice)) {
        const auto [site, next] = bestCut(space, limits, choice);
        if (site < 0) {
            choice = narrowest(space);  // not reached while every figure falls with the bits
            break;
        }
        choice[static_cast<std::size_t>(site)] = next;
    }
    giveBack(space, limits, choice);
    return judged(space, limits, std::move(choice), "greedy", false);
}

}  // namespace bitlathe::core
