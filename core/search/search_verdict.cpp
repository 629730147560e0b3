#include "core/search/search_verdict.h"

#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bitlathe::core {

namespace {

int layerIndex(const SearchSpace& space, const LayerId& id) {
    const auto found = std::find(space.layers.begin(), space.layers.end(), id);
    return found == space.layers.end() ? -1 : static_cast<int>(found - space.layers.begin());
}

const SearchStep* peakStep(const SearchSpace& space, const std::vector<int>& choice) {
    const SearchStep* peak = nullptr;
    std::int64_t most = -1;
    for (const SearchStep& step : space.steps) {
        const std::int64_t bytes = space.stepBytes(step, choice);
        if (bytes > most) {
            most = bytes;
            peak = &step;
        }
    }
    return peak;
}

/// The layer whose site adds most to the ROM.
int heaviestLayer(const SearchSpace& space) {
    std::int64_t most = -1;
    LayerId layer;
    for (const SearchSite& site : space.sites) {
        const std::int64_t range = site.choices.front().romBytes - site.choices.back().romBytes;
        if (site.site.kind == SiteKind::Weight && range > most) {
            most = range;
            layer = site.site.layer;
        }
    }
    return layerIndex(space, layer);
}

int busiestLayer(const SearchSpace& space) {
    const auto most = std::max_element(space.products.begin(), space.products.end(),
                                       [](const auto& a, const auto& b) { return a.macs < b.macs; });
    return most == space.products.end()
               ? -1
               : layerIndex(space, space.sites[static_cast<std::size_t>(most->weight)].site.layer);
}

std::string termText(const SearchSpace& space, const SearchStep& step, const std::vector<int>& choice) {
    std::string text;
    for (const SearchStep::Term& term : step.terms) {
        const auto site = static_cast<std::size_t>(term.site);
        text += fmt::format("{}{} values of {} at {} bits", text.empty() ? "" : " + ", term.elements,
                            space.sites[site].site.layer.str(),
                            space.sites[site].choices[static_cast<std::size_t>(choice[site])].bits);
    }
    return step.fixedBytes > 0 ? text + fmt::format(" + {} B in float", step.fixedBytes) : text;
}

void findBroken(const SearchSpace& space, const SearchLimits& limits, SearchResult& result) {
    if (result.peakRamBytes > limits.ramBytes) {
        const SearchStep& peak = *peakStep(space, result.choice);
        result.brokenLimit = SearchResult::Limit::Ram;
        result.bindingLayer = peak.layer;
        result.verdict = fmt::format("does not fit: at the fewest bits allowed layer {} still needs {} B of "
                                     "RAM ({}), {} B over the limit of {} B",
                                     space.layers[static_cast<std::size_t>(peak.layer)].str(),
                                     result.peakRamBytes, termText(space, peak, result.choice),
                                     result.peakRamBytes - limits.ramBytes, limits.ramBytes);
    } else if (result.romBytes > limits.romBytes) {
        result.brokenLimit = SearchResult::Limit::Rom;
        result.bindingLayer = heaviestLayer(space);
        result.verdict = fmt::format(
            "does not fit: at the fewest bits allowed the model still needs {} B of ROM, {} B over the limit "
            "of {} B{}",
            result.romBytes, result.romBytes - limits.romBytes, limits.romBytes,
            result.bindingLayer < 0 ? std::string()
                                    : "; most of it in layer " +
                                          space.layers[static_cast<std::size_t>(result.bindingLayer)].str());
    } else {
        result.brokenLimit = SearchResult::Limit::BitOperations;
        result.bindingLayer = busiestLayer(space);
        result.verdict = fmt::format("does not fit: at the fewest bits allowed the model still needs {} bit "
                                     "operations, over the limit of {}",
                                     result.bitOperations, *limits.bitOperations);
    }
}

}  // namespace

std::vector<int> narrowest(const SearchSpace& space) {
    std::vector<int> choice;
    for (const SearchSite& site : space.sites) {
        choice.push_back(static_cast<int>(site.choices.size()) - 1);
    }
    return choice;
}

std::vector<int> widest(const SearchSpace& space) {
    return std::vector<int>(space.sites.size(), 0);
}

bool keeps(const SearchSpace& space, const SearchLimits& limits, const std::vector<int>& choice) {
    return space.romBytes(choice) <= limits.romBytes && space.peakRamBytes(choice) <= limits.ramBytes &&
           (!limits.bitOperations || space.bitOperations(choice) <= *limits.bitOperations);
}

void requireLimits(const SearchLimits& limits) {
    if (limits.romBytes < 0 || limits.ramBytes < 0 || limits.bitOperations.value_or(0) < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("limits must not be negative: ROM {} B, RAM {} B, {} bit operations",
                                limits.romBytes, limits.ramBytes, limits.bitOperations.value_or(0)));
    }
}

SearchResult judged(const SearchSpace& space, const SearchLimits& limits, std::vector<int> choice,
                    std::string method, bool isOptimal) {
    SearchResult result;
    result.method = std::move(method);
    result.choice = std::move(choice);
    result.romBytes = space.romBytes(result.choice);
    result.peakRamBytes = space.peakRamBytes(result.choice);
    result.bitOperations = space.bitOperations(result.choice);
    result.cost = space.cost(result.choice);
    result.isFeasible = keeps(space, limits, result.choice);
    result.isOptimal = result.isFeasible && isOptimal;
    if (result.isFeasible) {
        result.verdict =
            fmt::format("fits: ROM {} of {} B, RAM {} of {} B ({})", result.romBytes, limits.romBytes,
                        result.peakRamBytes, limits.ramBytes, ramModelName(space.ramModel));
    } else {
        findBroken(space, limits, result);
    }
    return result;
}

}  // namespace bitlathe::core
