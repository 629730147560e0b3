#include "core/search/pareto_front.h"

#include "core/search/bit_search.h"
#include "core/search/search_verdict.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace bitlathe::core {

namespace {

/// `steps` limits from `most` down to `least`, evenly spaced, both included.
std::vector<std::int64_t> limitsBetween(std::int64_t least, std::int64_t most, int steps) {
    std::vector<std::int64_t> limits;
    for (int i = 0; i < steps && most >= least; ++i) {
        const std::int64_t limit = steps == 1 ? most : most - (most - least) * i / (steps - 1);
        if (limits.empty() || limit < limits.back()) {
            limits.push_back(limit);
        }
    }
    return limits;
}

void keepUndominated(std::vector<SearchResult>& points) {
    std::vector<SearchResult> kept;
    for (SearchResult& point : points) {
        const bool isBeaten = std::any_of(kept.begin(), kept.end(), [&](const SearchResult& other) {
            return dominates(other, point) ||
                   (other.romBytes == point.romBytes && other.peakRamBytes == point.peakRamBytes &&
                    other.cost == point.cost);
        });
        if (!isBeaten) {
            std::erase_if(kept, [&](const SearchResult& other) { return dominates(point, other); });
            kept.push_back(std::move(point));
        }
    }
    std::sort(kept.begin(), kept.end(), [](const SearchResult& a, const SearchResult& b) {
        return std::tie(a.romBytes, a.peakRamBytes) < std::tie(b.romBytes, b.peakRamBytes);
    });
    points = std::move(kept);
}

}  // namespace

bool dominates(const SearchResult& a, const SearchResult& b) noexcept {
    const bool isNoWorse = a.cost <= b.cost && a.romBytes <= b.romBytes && a.peakRamBytes <= b.peakRamBytes;
    return isNoWorse && (a.cost < b.cost || a.romBytes < b.romBytes || a.peakRamBytes < b.peakRamBytes);
}

std::vector<SearchResult> paretoFront(const SearchSpace& space, const ParetoOptions& options,
                                      const RunContext& context) {
    if (options.romSteps < 1 || options.ramSteps < 1) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("a Pareto front of {} ROM and {} RAM limits: both must be at least 1",
                                options.romSteps, options.ramSteps));
    }
    const std::vector<int> least = narrowest(space);
    const std::vector<int> most = widest(space);
    const auto upper = [](const std::optional<std::int64_t>& limit, std::int64_t bytes) {
        return limit ? std::min(*limit, bytes) : bytes;
    };
    const auto romLimits = limitsBetween(
        space.romBytes(least), upper(options.romLimitBytes, space.romBytes(most)), options.romSteps);
    const auto ramLimits = limitsBetween(
        space.peakRamBytes(least), upper(options.ramLimitBytes, space.peakRamBytes(most)), options.ramSteps);
    std::vector<SearchResult> points;
    const auto total = static_cast<std::int64_t>(romLimits.size() * ramLimits.size());
    std::int64_t done = 0;
    for (const std::int64_t ram : ramLimits) {
        std::int64_t solvedRom = -1;  // ROM of the last solution of this RAM limit
        for (const std::int64_t rom : romLimits) {
            context.checkpoint(done++, total, fmt::format("ROM {} B, RAM {} B", rom, ram));
            if (solvedRom >= 0 && solvedRom <= rom) {
                continue;
            }
            SearchResult result = searchIlp(space, {rom, ram, std::nullopt}, options.solveLimitMs);
            if (!result.isFeasible) {
                break;  // nor will less do
            }
            solvedRom = result.romBytes;
            points.push_back(std::move(result));
        }
    }
    context.checkpoint(total, total);
    keepUndominated(points);
    return points;
}

}  // namespace bitlathe::core
