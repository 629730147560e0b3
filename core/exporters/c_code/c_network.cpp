#include "core/exporters/c_code/c_network.h"

#include "core/exporters/c_code/c_arena.h"
#include "core/exporters/c_code/c_names.h"
#include "core/exporters/c_code/c_step_builder.h"

#include <map>

namespace bitlathe::core {

std::int64_t CTable::bytes() const noexcept {
    const std::int64_t width = type == Type::Int32 ? 4 : type == Type::Uint16 ? 2 : 1;
    return static_cast<std::int64_t>(values.size()) * width;
}

std::int64_t tensorBytes(const IntegerTensor& tensor) noexcept {
    return (tensor.elements() * tensor.bits + 7) / 8;
}

namespace {

/// Sizes of the structs of kernels/bl_kernels.h where pointers have 4 bytes, by the processor's calling standard
/// (AAPCS: members aligned to their size). bl_shape 8, bl_window 8, bl_requant 28.
std::int64_t structBytes(const std::string& type) {
    static const std::map<std::string, std::int64_t> kBytes{
        {"bl_conv", 80},    {"bl_cmsis_conv", 64}, {"bl_binary", 56},  {"bl_pool", 64},
        {"bl_rescale", 52}, {"bl_lookup", 20},     {"bl_flatten", 16}, {"bl_thresholds", 16}};
    return kBytes.at(type);
}

void addFootprint(CNetwork& network) {
    CFootprint& sizes = network.footprint;
    for (const CStep& step : network.steps) {
        sizes.descriptionBytes += structBytes(step.structType);
    }
    for (const CExtra& extra : network.extras) {
        sizes.descriptionBytes += structBytes(extra.structType);
    }
    for (const CTable& table : network.tables) {
        (table.kind == CTable::Kind::Weights ? sizes.weightBytes : sizes.parameterBytes) += table.bytes();
        sizes.constantBytes += table.kind == CTable::Kind::Constants ? table.bytes() : 0;
        const std::int64_t count = static_cast<std::int64_t>(table.values.size());
        sizes.fillBytes += (count - static_cast<std::int64_t>(table.used)) * (table.bytes() / count);
    }
    sizes.inputBytes = tensorBytes(network.graph.inputTensor());
    sizes.outputBytes = tensorBytes(network.graph.outputTensor());
}

void addActivationFeatures(CNetwork& network) {
    for (const IntegerTensor& tensor : network.graph.tensors) {
        switch (tensor.bits) {
        case 8:
            network.features.insert("BL_HAS_A8");
            break;
        case 4:
            network.features.insert("BL_HAS_A4");
            break;
        case 2:
            network.features.insert("BL_HAS_A2");
            break;
        case 32:
            network.features.insert("BL_HAS_ACCUMULATORS");
            break;
        default:
            network.features.insert("BL_HAS_A_OTHER");
        }
    }
}

}  // namespace

CNetwork buildCNetwork(const IntegerGraph& graph, CBackend backend) {
    CNetwork network;
    network.backend = backend;
    network.graph = graph;
    CNames names;
    network.name = names.unique(graph.name.empty() ? "network" : graph.name);
    addActivationFeatures(network);
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
        CStepBuilder(network, names, i).add();
    }
    planCArena(network);
    addFootprint(network);
    return network;
}

}  // namespace bitlathe::core
