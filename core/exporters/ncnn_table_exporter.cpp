#include "core/exporters/ncnn_table_exporter.h"

#include "core/exporters/export_file.h"
#include "core/exporters/ncnn_scale_table.h"
#include "core/util/atomic_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

namespace bitlathe::core {

namespace {

constexpr std::string_view kWeightLine = "_param_";

/// The two grids of a layer that ncnn computes in integers; null: float.
struct Grids {
    const QParams* weight = nullptr;
    const QParams* input = nullptr;
};

Grids gridsOf(const PreparedModel& model, const QuantPlan& plan, const Layer& layer) {
    if (!layer.hasWeights()) {
        return {};
    }
    const std::optional<SiteId> site = model.siteOfTensor(layer.inputNodes.front());
    return {plan.find({layer.id, SiteKind::Weight}), site ? plan.find(*site) : nullptr};
}

bool isSymmetric(const QParams& grid) {
    return grid.isSigned() && std::ranges::all_of(grid.zeroPoint, [](std::int32_t z) { return z == 0; });
}

/// Largest magnitude that codes -127..127 stand for, so that ncnn's step is the grid's; a grid that is not symmetric
/// keeps both its ends.
double reachOf(const QParams& grid, std::size_t slice) {
    return isSymmetric(grid) ? grid.representableUpper(slice)
                             : std::max(std::fabs(grid.representableLower(slice)),
                                        std::fabs(grid.representableUpper(slice)));
}

/// Why ncnn has no such weights; empty where it has.
std::string weightObstacle(const QParams& grid) {
    if (!grid.isUniform() || !isSymmetric(grid) || grid.quantMax != 127) {
        return "weights: ncnn has symmetric 8-bit codes (-127..127) and no others; choose a symmetric "
               "quantizer "
               "with 8 bits, or float";
    }
    return {};
}

std::string inputObstacle(const QParams& grid) {
    if (!grid.isUniform() || grid.isPerChannel() || grid.quantMax - grid.quantMin + 1 > 256) {
        return "input: ncnn has one scale of evenly spaced 8-bit codes for a layer's input; choose a uniform "
               "quantizer "
               "of at most 8 bits per tensor, or float";
    }
    return {};
}

std::string inputRemark(const QParams& grid) {
    if (isSymmetric(grid) && grid.quantMax == 127) {
        return {};
    }
    return "input: ncnn's codes are -127..127 around zero, so its steps are not those of codes " +
           std::to_string(grid.quantMin) + ".." + std::to_string(grid.quantMax) +
           "; a signed symmetric 8-bit quantizer shows the numbers it will have";
}

std::string nameObstacle(const std::string& name) {
    constexpr std::size_t kLongest = 255;
    const bool hasSpace = name.find_first_of(" \t\r\n") != std::string::npos;
    if (hasSpace || name.size() > kLongest || name.find(kWeightLine) != std::string::npos) {
        return "a name in ncnn's table has at most 255 characters, no blanks and no '_param_'; rename the "
               "layer";
    }
    return {};
}

void checkLayer(const PreparedModel& model, const QuantPlan& plan, const Layer& layer,
                std::vector<ExportCheck>& checks) {
    const auto add = [&](bool isBlocking, const std::string& message) {
        if (!message.empty()) {
            checks.push_back({layer.id, isBlocking, message});
        }
    };
    const auto [weight, input] = gridsOf(model, plan, layer);
    if ((weight == nullptr) != (input == nullptr)) {
        add(false, std::string("left float: its ") + (weight == nullptr ? "weights are" : "input is") +
                       " float, and ncnn quantizes both or none");
    }
    if (weight == nullptr || input == nullptr) {
        return;
    }
    add(true, nameObstacle(layer.id.str()));
    add(true, weightObstacle(*weight));
    if (const std::string obstacle = inputObstacle(*input); !obstacle.empty()) {
        add(true, obstacle);
    } else {
        add(false, inputRemark(*input));
    }
    if (plan.weightAffine.contains(layer.id)) {
        add(true,
            "its corrected weights lie on no grid of 8-bit codes; choose bias correction instead of weight "
            "correction");
    }
    if (plan.batchNormMode(layer.id) != BatchNormMode::Folded) {
        add(true, "it keeps its batch norm, which ncnn's table knows nothing of; fold it");
    }
}

std::int64_t groupsOf(const Node& node) {
    const auto* conv = std::get_if<Conv2dOp>(&node.op);
    return conv == nullptr ? 1 : conv->groups;
}

bool isWinograd(const Node& node) {
    const auto* conv = std::get_if<Conv2dOp>(&node.op);
    constexpr std::array<std::int64_t, 2> kOne{1, 1};
    return conv != nullptr && conv->groups == 1 && conv->stride == kOne && conv->dilation == kOne &&
           conv->weight.shape()[2] == 3 && conv->weight.shape()[3] == 3;
}

/// What the channel's codes reach, or 0 where all its weights are 0 and the grid is only a stand-in.
double channelReach(const QParams& grid, std::span<const float> weights, std::size_t channel) {
    const bool isEmpty = std::ranges::all_of(weights, [](float w) { return w == 0; });
    return isEmpty ? 0 : reachOf(grid, grid.isPerChannel() ? channel : 0);
}

NcnnLayerScales scalesOf(const PreparedModel& model, const Layer& layer, const Grids& grids, int quantMax) {
    NcnnLayerScales scales{layer.id.str(), {}, ncnnInputScale(reachOf(*grids.input, 0))};
    const FloatTensor weights = layerWeights(model, layer);
    const std::span<const float> values = weights.values();
    const auto channels = static_cast<std::size_t>(layer.outputChannels);
    const std::size_t perChannel = values.size() / channels;
    const std::int64_t groups = groupsOf(model.graph.node(layer.node));
    const std::size_t perScale = groups == 1 ? 1 : channels / static_cast<std::size_t>(groups);
    for (std::size_t first = 0; first < channels; first += perScale) {
        double largest = 0;
        for (std::size_t c = first; c < first + perScale; ++c) {
            largest =
                std::max(largest, channelReach(*grids.weight, values.subspan(c * perChannel, perChannel), c));
        }
        scales.weightScales.push_back(ncnnWeightScale(largest, quantMax));
    }
    return scales;
}

}  // namespace

std::vector<ExportCheck> NcnnTableExporter::check(const PreparedModel& model, const QuantPlan& plan) const {
    std::vector<ExportCheck> checks;
    bool isAnyQuantized = false;
    for (const Layer& layer : model.layers) {
        const auto [weight, input] = gridsOf(model, plan, layer);
        isAnyQuantized = isAnyQuantized || (weight != nullptr && input != nullptr);
        checkLayer(model, plan, layer, checks);
    }
    if (!isAnyQuantized) {
        checks.push_back(
            {{},
             true,
             "no layer has both its weights and its input quantized, so the table would be empty; "
             "give at least one layer 8 bits"});
    }
    return checks;
}

std::vector<std::string> NcnnTableExporter::write(const PreparedModel& model, const QuantPlan& plan,
                                                  const std::string& folder) const {
    refuseBlocked("ncnn table", check(model, plan));
    constexpr int kSixBits = 31;
    std::vector<NcnnLayerScales> table;
    for (const Layer& layer : model.layers) {
        const Grids grids = gridsOf(model, plan, layer);
        if (grids.weight != nullptr && grids.input != nullptr) {
            const bool isSixBits = m_hasWinogradHeadroom && isWinograd(model.graph.node(layer.node));
            table.push_back(scalesOf(model, layer, grids, isSixBits ? kSixBits : grids.weight->quantMax));
        }
    }
    const std::string path =
        (std::filesystem::path(folder) / exportFileName(model.graph.name, "table")).string();
    writeFileAtomically(path, ncnnScaleTable(table));
    return {path};
}

}  // namespace bitlathe::core
