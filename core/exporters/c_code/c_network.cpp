#include "core/exporters/c_code/c_network.h"

#include "core/exporters/c_code/c_arena.h"
#include "core/exporters/c_code/c_names.h"
#include "core/exporters/c_code/c_step_builder.h"

namespace bitlathe::core {

std::int64_t CTable::bytes() const noexcept {
    const std::int64_t width = type == Type::Int32 ? 4 : type == Type::Uint16 ? 2 : 1;
    return static_cast<std::int64_t>(values.size()) * width;
}

std::int64_t tensorBytes(const IntegerTensor& tensor) noexcept {
    return (tensor.elements() * tensor.bits + 7) / 8;
}

namespace {

void addFootprint(CNetwork& network) {
    CFootprint& sizes = network.footprint;
    for (const CTable& table : network.tables) {
        (table.kind == CTable::Kind::Weights ? sizes.weightBytes : sizes.parameterBytes) += table.bytes();
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
