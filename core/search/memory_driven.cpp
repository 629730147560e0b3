#include "core/search/memory_driven.h"

#include "core/search/memory_driven_problem.h"
#include "core/types/error.h"

#include <fmt/format.h>

#include <map>
#include <string>

namespace bitlathe::core {

namespace {

void validate(const MemoryDrivenOptions& options) {
    if (options.romLimitBytes < 0 || options.ramLimitBytes < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("memory limits must not be negative: ROM {} B, RAM {} B",
                                options.romLimitBytes, options.ramLimitBytes));
    }
    if (!(options.delta >= 0)) {
        throw Error(ErrorCode::InvalidConfig, fmt::format("delta {} must not be negative", options.delta));
    }
}

[[noreturn]] void noChain(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::UnsupportedOperator, "the model is no chain of layers: '" + name + "' " + why +
                                                    "; the search on the whole graph takes it");
}

void applyLayer(const MemoryDrivenResult::Assignment& found, LayerQuant& quant) {
    quant.weight.bits = BitWidth(found.weightBits);
    quant.weight.granularity.kind =
        found.scheme == FoldScheme::PerChannelIcn ? Granularity::Kind::Channel : Granularity::Kind::Tensor;
    quant.batchNorm = found.scheme == FoldScheme::PerLayerIcn ? BatchNormMode::Icn : BatchNormMode::Folded;
    quant.output.bits = BitWidth(found.outputBits);
}

}  // namespace

std::vector<ChainLayer> chainOf(const PreparedModel& model) {
    const auto readers = model.graph.consumers();
    for (std::size_t id = 0; id < readers.size(); ++id) {
        if (readers[id].size() > 1) {
            noChain(model.graph.nodes[id].name,
                    "is read by " + std::to_string(readers[id].size()) + " others");
        }
    }
    std::vector<ChainLayer> chain;
    for (const Layer& layer : model.layers) {
        if (layer.inputNodes.size() != 1) {
            noChain(layer.id.str(), "reads " + std::to_string(layer.inputNodes.size()) + " tensors");
        }
        if (layer.hasWeights()) {
            chain.push_back({layer.id, layer.weightCount, layer.outputChannels, layer.inputElements,
                             layer.outputElements});
        }
    }
    return chain;
}

MemoryDrivenResult memoryDrivenBits(std::span<const ChainLayer> chain, const MemoryDrivenOptions& options) {
    validate(options);
    MemoryDrivenOptions sorted = options;
    sorted.bits.validate();
    return cutToLimits(memoryDrivenProblem(chain), sorted);
}

MemoryDrivenResult memoryDrivenBits(const PreparedModel& model, const MemoryDrivenOptions& options,
                                    RamModel ramModel, const ArenaRules& rules) {
    validate(options);
    MemoryDrivenOptions sorted = options;
    sorted.bits.validate();
    return cutToLimits(memoryDrivenProblem(model, sorted, ramModel, rules), sorted);
}

void applyBits(const MemoryDrivenResult& result, const PreparedModel& model, QuantConfig& config) {
    if (!result.activations.empty()) {
        config.input.bits = BitWidth(result.activations.front().bits);
    }
    std::map<LayerId, int> bitsOf;
    for (const MemoryDrivenResult::Activation& activation : result.activations) {
        bitsOf[activation.site.layer] = activation.bits;
    }
    auto next = result.layers.begin();
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        if (next != result.layers.end() && next->layer == layer.id) {
            applyLayer(*next++, quant);
            continue;
        }
        if (!layer.isQuantizable) {
            continue;
        }
        const auto own = bitsOf.find(layer.id);
        const auto source = model.siteOfTensor(layer.inputNodes.front());
        if (own != bitsOf.end()) {
            quant.output.bits = BitWidth(own->second);
        } else if (source) {
            quant.output.bits = config.site(*source).bits;  // handed on
        }
    }
}

}  // namespace bitlathe::core
