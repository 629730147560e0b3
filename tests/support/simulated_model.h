#pragma once

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace bitlathe::tests {

/// A prepared model computed in double by plain loops: float where the plan is empty, fake-quantized where it
/// has sites. An oracle of its own: it shares no arithmetic with the engine, the lowering or the integer
/// engines, and double leaves rounding of its own out of what is compared.
struct SimulatedModel {
    std::map<core::NodeId, std::vector<double>> values;       ///< of every node, C,H,W
    std::map<core::SiteId, std::vector<std::int32_t>> codes;  ///< of every output site, C,H,W
    /// Distance of each value from the nearest place where its code changes, in steps of the site's grid.
    std::map<core::SiteId, std::vector<double>> margins;

    const std::vector<double>& output(const core::PreparedModel& model) const {
        return values.at(model.graph.output);
    }
};
SimulatedModel simulate(const core::PreparedModel& model, const core::QuantPlan& plan,
                        std::span<const float> image);

/// C,H,W to H,W,C, the order of integer tensors.
template <typename T>
std::vector<T> channelsLast(const std::vector<T>& planar, std::int64_t channels) {
    std::vector<T> result(planar.size());
    const std::size_t area = planar.size() / static_cast<std::size_t>(channels);
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
        for (std::size_t i = 0; i < area; ++i) {
            result[i * static_cast<std::size_t>(channels) + c] = planar[c * area + i];
        }
    }
    return result;
}

}  // namespace bitlathe::tests
