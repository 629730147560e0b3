// Cases of the memory-driven bit assignment (Rusci et al. 2019).

#include "core/search/memory_driven.h"
#include "tests/conform/case.h"

#include <map>
#include <string>

namespace bitlathe::conform {

namespace {

using namespace bitlathe::core;

std::vector<ChainLayer> chainOfCase(const Case& item) {
    std::vector<ChainLayer> chain;
    for (const Json& layer : item.inputs()["layers"]) {
        chain.push_back({LayerId("layer" + std::to_string(chain.size())),
                         layer["weights"].get<std::int64_t>(), layer["out_channels"].get<std::int64_t>(),
                         layer["in_elems"].get<std::int64_t>(), layer["out_elems"].get<std::int64_t>()});
    }
    return chain;
}

MemoryDrivenOptions optionsOf(const Case& item) {
    MemoryDrivenOptions options;
    options.romLimitBytes = static_cast<std::int64_t>(item.number("rom_limit_bytes"));
    options.ramLimitBytes = static_cast<std::int64_t>(item.number("ram_limit_bytes"));
    options.mode =
        item.text("mode") == "MixPC" ? MemoryDrivenOptions::Mode::MixPC : MemoryDrivenOptions::Mode::MixPL;
    // The reference halves from start_bits down to min_bits.
    std::vector<int> widths;
    const int least = static_cast<int>(item.number("min_bits", 2));
    for (int bits = static_cast<int>(item.number("start_bits", 8)); bits >= least; bits /= 2) {
        widths.push_back(bits);
    }
    options.bits.weights = options.bits.activations = widths;
    options.bits.edge = widths.front();
    options.delta = item.number("delta", 0.05);
    return options;
}

/// Bytes that stand beside a layer's weights, from equation 19 of core/README.md; the logits' layer has its
/// own.
std::int64_t overheadBytes(const ChainLayer& layer, FoldScheme scheme, bool isLast) {
    const bool isPerChannel = scheme == FoldScheme::PerChannelIcn;
    if (isLast) {
        return isPerChannel ? 7 * layer.outputChannels + 4 : 4 * layer.outputChannels + 20;
    }
    switch (scheme) {
    case FoldScheme::PerLayerFolded:
        return 4 * layer.outputChannels + 20;
    case FoldScheme::PerLayerIcn:
        return 9 * layer.outputChannels + 12;
    case FoldScheme::PerChannelIcn:
        break;
    }
    return 10 * layer.outputChannels + 8;
}

/// Which layer was cut to what, in order.
void checkCuts(Case& item, const MemoryDrivenResult& result) {
    if (!item.expects("weight_cuts")) {
        return;
    }
    std::map<int, double> bits;
    std::vector<double> wanted;
    std::vector<double> made;
    for (const Json& cut : item.expected()["weight_cuts"]) {
        wanted.push_back(cut["layer"].get<double>());
        wanted.push_back(cut["to_bits"].get<double>());
    }
    for (const int layer : result.weightCuts) {
        double& width = bits.try_emplace(layer, item.number("start_bits", 8)).first->second;
        width /= 2;
        made.push_back(layer);
        made.push_back(width);
    }
    item.compare("weight_cuts", wanted, made, {});
    item.setAside("weight_cuts", "compared as pairs of layer and bits");
}

void runMemoryDriven(Case& item) {
    const std::vector<ChainLayer> chain = chainOfCase(item);
    const MemoryDrivenResult result = memoryDrivenBits(chain, optionsOf(item));
    item.check("feasible", result.isFeasible ? 1.0 : 0.0, {});
    if (!result.isFeasible) {
        const bool isRam = result.brokenLimit == MemoryDrivenResult::Limit::Ram;
        if (item.expects("infeasible_constraint")) {
            const std::string wanted = item.expected()["infeasible_constraint"].get<std::string>();
            item.require(
                (wanted.find("RAM") != std::string::npos || wanted.find("ram") != std::string::npos) == isRam,
                "the broken limit is " + std::string(isRam ? "RAM" : "ROM") + ", expected " + wanted);
        }
        for (const auto& [key, value] : item.expected().items()) {
            if (key != "feasible") {
                item.setAside(key, "how far a search that failed had come");
            }
        }
        return;
    }
    std::vector<double> weightBits;
    std::vector<double> inputBits;
    std::vector<double> outputBits;
    std::vector<double> weightBytes;
    std::vector<double> overhead;
    std::vector<double> ramBytes;
    double allEight = 0;
    Json quantTypes = Json::array();
    Json foldTypes = Json::array();
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const MemoryDrivenResult::Assignment& bits = result.layers[i];
        const bool isLast = i + 1 == chain.size();
        weightBits.push_back(bits.weightBits);
        inputBits.push_back(bits.inputBits);
        outputBits.push_back(bits.outputBits);
        weightBytes.push_back(static_cast<double>(chain[i].weights) * bits.weightBits / 8);
        overhead.push_back(static_cast<double>(overheadBytes(chain[i], bits.scheme, isLast)));
        ramBytes.push_back((static_cast<double>(chain[i].inputElements) * bits.inputBits +
                            static_cast<double>(chain[i].outputElements) * bits.outputBits) /
                           8);
        const bool isPerChannel = bits.scheme == FoldScheme::PerChannelIcn;
        const FoldScheme start = isPerChannel ? FoldScheme::PerChannelIcn : FoldScheme::PerLayerFolded;
        allEight += static_cast<double>(chain[i].weights + overheadBytes(chain[i], start, isLast));
        quantTypes.push_back(isPerChannel ? "PC" : "PL");
        foldTypes.push_back(bits.scheme == FoldScheme::PerLayerFolded ? "FB" : "ICN");
    }
    item.check("w_bits", weightBits, {});
    item.check("act_in_bits", inputBits, {});
    item.check("act_out_bits", outputBits, {});
    item.check("weight_bytes", weightBytes, {});
    item.check("overhead_bytes", overhead, {});
    item.check("ram_bytes_per_layer", ramBytes, {});
    item.check("rom_bytes", result.romBytes, {});
    item.check("rom_bytes_all8", allEight, {});
    item.check("ram_bytes", result.peakRamBytes, {});
    checkCuts(item, result);
    item.require(item.expected()["quant_type"] == quantTypes, "quant_type differs");
    // The last layer carries no fold type of its own in the reference's list.
    Json wanted = item.expected()["fold_type"];
    if (!wanted.empty()) {
        wanted.erase(wanted.size() - 1);
        foldTypes.erase(foldTypes.size() - 1);
    }
    item.require(wanted == foldTypes, "fold_type differs");
    item.setAside("quant_type", "compared as text");
    item.setAside("fold_type", "compared as text");
}

}  // namespace

std::vector<Kind> searchKinds() {
    return {
        {"memory-driven bits", [](const Case& c) { return c.hasParam("rom_limit_bytes"); }, runMemoryDriven}};
}

}  // namespace bitlathe::conform
