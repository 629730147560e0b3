#include "core/device/budget.h"

#include "core/device/ram_model.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kWord = 4;  ///< int32, float32 and every per-layer parameter
constexpr int kFloatBits = 32;
constexpr int kMaxTableBits = 8;  ///< above, a table per code is too big and runtimes interpolate
constexpr std::int64_t kWideTableBytes = 513 * 2;

using Bits = std::optional<BitWidth>;

void addWeightRom(const Layer& layer, const LayerQuant& quant, bool isLogits, LayerBudget& budget) {
    const std::int64_t c = layer.outputChannels;
    const bool keepsFloatNorm = layer.hasBatchNorm && quant.batchNorm == BatchNormMode::NotFolded;
    budget.weightBytes = packedBytes(layer.weightCount, quant.weight.bits);
    if (quant.weight.isFloat()) {
        budget.biasBytes = layer.hasBias ? kWord * c : 0;
        budget.requantBytes = quant.output.isFloat() ? 0 : 2 * kWord;
    } else {
        budget.biasBytes = kWord * c;
        budget.requantBytes = parameterBytes(foldScheme(quant), c, isLogits) - budget.biasBytes;
    }
    budget.requantBytes += keepsFloatNorm ? 2 * kWord * c : 0;
}

/// Lookup table of an activation that is no clamp.
std::int64_t tableBytes(int inputBits, const BitWidth& output) {
    if (inputBits > kMaxTableBits) {
        return kWideTableBytes;
    }
    return (std::int64_t{1} << inputBits) * ((output.bits() + 7) / 8);
}

/// What an activation inside a layer adds. Its input is an accumulator requantized to 8 bits.
std::int64_t fusedActivationRom(const Operator& op, const Bits& output) {
    if (output && std::holds_alternative<UnaryOp>(op)) {
        return tableBytes(kMaxTableBits, *output);
    }
    return output && std::holds_alternative<LeakyReluOp>(op) ? 2 * kWord : 0;
}

std::int64_t operatorRom(const Operator& op, const Layer& layer, const Bits& input, const Bits& output) {
    if (std::holds_alternative<BatchNormOp>(op)) {
        return output ? 9 * layer.outputChannels + 2 * kWord : 2 * kWord * layer.outputChannels;
    }
    if (!output || !layer.isQuantizable) {
        return 0;
    }
    if (std::holds_alternative<UnaryOp>(op)) {
        return tableBytes(input ? input->bits() : kFloatBits, *output);
    }
    const auto inputs = static_cast<std::int64_t>(layer.inputNodes.size());
    return kWord * (std::holds_alternative<MulOp>(op) ? inputs + 3 : 3 * inputs + 1);
}

/// Bytes of a tensor of which every channel has bits of its own.
std::int64_t channelBytes(std::int64_t values, const std::vector<int>& bits) {
    const auto channels = static_cast<std::int64_t>(bits.size());
    std::int64_t total = 0;
    for (const int b : bits) {
        total += values / channels * b;
    }
    return (total + 7) / 8;
}

void addRom(const PreparedModel& model, const QuantConfig& config, const std::vector<Bits>& bits,
            const ChannelBits& channelBits, Budget& budget) {
    static const LayerQuant kFloatLayer;
    const NodeId logits = logitNode(model.graph);
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        const Layer& layer = model.layers[i];
        const Operator& op = model.graph.node(layer.node).op;
        const Bits& output = bits[static_cast<std::size_t>(layer.outputNode)];
        LayerBudget& entry = budget.layers[i];
        if (layer.hasWeights()) {
            const auto found = config.layers.find(layer.id);
            // An activation behind the last layer needs a requantized output like any hidden layer's.
            addWeightRom(layer, found == config.layers.end() ? kFloatLayer : found->second,
                         layer.node == logits, entry);
            const auto shared = channelBits.find({layer.id, SiteKind::Weight});
            if (shared != channelBits.end()) {
                entry.weightBytes = channelBytes(layer.weightCount, shared->second);
                entry.requantBytes += static_cast<std::int64_t>(shared->second.size());
            }
        } else {
            entry.requantBytes =
                operatorRom(op, layer, bits[static_cast<std::size_t>(layer.inputNodes.front())], output);
            entry.tableBytes = std::holds_alternative<UnaryOp>(op) ? entry.requantBytes : 0;
        }
        if (const auto shared = channelBits.find({layer.id, SiteKind::Output}); shared != channelBits.end()) {
            entry.requantBytes += static_cast<std::int64_t>(shared->second.size());
        }
        if (layer.outputNode != layer.node) {
            const Operator& activation = model.graph.node(layer.outputNode).op;
            const std::int64_t bytes = fusedActivationRom(activation, output);
            entry.requantBytes += bytes;
            entry.tableBytes += std::holds_alternative<UnaryOp>(activation) ? bytes : 0;
        }
        budget.romBytes += entry.romBytes();
    }
}

void addRam(const PreparedModel& model, const std::vector<Bits>& bits, const ChannelBits& channelBits,
            Budget& budget) {
    const TensorLifetimes lifetimes = tensorLifetimes(model);
    const std::size_t layers = model.layers.size();
    std::vector<std::int64_t> bytes(lifetimes.tensors.size());
    // change[i]: bytes that come alive at layer i less those that ended with layer i-1.
    std::vector<std::int64_t> change(layers + 1, 0);
    for (std::size_t t = 0; t < bytes.size(); ++t) {
        const StoredTensor& tensor = lifetimes.tensors[t];
        const std::optional<SiteId> site =
            channelBits.empty() ? std::nullopt : model.siteOfTensor(tensor.node);
        const auto shared = site ? channelBits.find(*site) : channelBits.end();
        bytes[t] = shared != channelBits.end()
                       ? channelBytes(tensor.elements, shared->second)
                       : packedBytes(tensor.elements, bits[static_cast<std::size_t>(tensor.node)]);
        change[static_cast<std::size_t>(std::max(0, tensor.producer))] += bytes[t];
        change[static_cast<std::size_t>(tensor.lastLayer + 1)] -= bytes[t];
    }
    std::int64_t alive = 0;
    for (std::size_t i = 0; i < layers; ++i) {
        LayerBudget& entry = budget.layers[i];
        const LayerTensors& places = lifetimes.layers[i];
        alive += change[i];
        for (const int input : places.inputs) {
            entry.inputBytes += bytes[static_cast<std::size_t>(input)];
        }
        const auto output = static_cast<std::size_t>(places.output);
        entry.outputBytes = places.isOutputShared ? 0 : bytes[output];
        entry.liveBytes = alive - entry.inputBytes - bytes[output];
        if (entry.ramBytes() > budget.peakRamBytes) {
            budget.peakRamBytes = entry.ramBytes();
            budget.peakLayer = static_cast<int>(i);
        }
    }
}

/// Peak of inputs and output alone.
void findPeakWithoutHeld(Budget& budget) {
    budget.peakRamBytes = 0;
    budget.peakLayer = -1;
    for (std::size_t i = 0; i < budget.layers.size(); ++i) {
        LayerBudget& layer = budget.layers[i];
        layer.liveBytes = 0;
        if (layer.ramBytes() > budget.peakRamBytes) {
            budget.peakRamBytes = layer.ramBytes();
            budget.peakLayer = static_cast<int>(i);
        }
    }
}

std::string share(const char* name, std::int64_t used, std::int64_t limit) {
    std::string text = std::string(name) + " " + std::to_string(used) + " of " + std::to_string(limit) + " B";
    if (used > limit) {
        text += " (" + std::to_string(used - limit) + " B over)";
    }
    return text;
}

}  // namespace

NodeId logitNode(const Graph& graph) {
    NodeId node = graph.output;
    while (node >= 0 && (std::holds_alternative<FlattenOp>(graph.node(node).op) ||
                         std::holds_alternative<SoftmaxOp>(graph.node(node).op))) {
        node = graph.node(node).inputs.front();
    }
    return node;
}

FoldScheme foldScheme(const LayerQuant& quant) noexcept {
    if (quant.weight.granularity.kind != Granularity::Kind::Tensor) {
        return FoldScheme::PerChannelIcn;
    }
    return quant.batchNorm == BatchNormMode::Icn ? FoldScheme::PerLayerIcn : FoldScheme::PerLayerFolded;
}

std::int64_t parameterBytes(FoldScheme scheme, std::int64_t outputChannels, bool isLogits) noexcept {
    const std::int64_t c = outputChannels;
    switch (scheme) {
    case FoldScheme::PerLayerFolded:
        break;
    // Per channel: bias 4, multiplier 4, exponent 1. Per layer: three zero points.
    case FoldScheme::PerLayerIcn:
        if (isLogits) {
            break;
        }
        return 9 * c + 3 * kWord;
    // As above with the weights' zero point, 1 byte, per channel. Logits: bias 4 and zero point, multiplier
    // and exponent of 1 byte each.
    case FoldScheme::PerChannelIcn:
        return isLogits ? 7 * c + kWord : 10 * c + 2 * kWord;
    }
    return 4 * c + 5 * kWord;  // bias 4 per channel; three zero points, multiplier and exponent per layer
}

std::int64_t packedBytes(std::int64_t values, const std::optional<BitWidth>& bits) noexcept {
    return (values * (bits ? bits->bits() : kFloatBits) + 7) / 8;
}

Budget computeBudget(const PreparedModel& model, const QuantConfig& config) {
    return computeBudget(model, config, ChannelBits());
}

Budget computeBudget(const PreparedModel& model, const QuantConfig& config, const ChannelBits& channelBits) {
    Budget budget;
    budget.layers.resize(model.layers.size());
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        budget.layers[i].layer = model.layers[i].id;
    }
    const std::vector<Bits> bits = tensorBits(model, config);
    addRom(model, config, bits, channelBits, budget);
    addRam(model, bits, channelBits, budget);
    return budget;
}

Budget computeBudget(const PreparedModel& model, const QuantConfig& config, RamModel ramModel,
                     const ArenaRules& rules, const std::vector<ArenaBank>& banks) {
    Budget budget = computeBudget(model, config);
    budget.ramModel = ramModel;
    if (ramModel == RamModel::InOut) {
        findPeakWithoutHeld(budget);
    } else if (ramModel == RamModel::Arena) {
        ModelArena arena = modelArena(model, config, rules);
        budget.arena = planArena(arena.buffers, arena.overlaps, {rules.alignment, banks});
        budget.arenaBuffers = std::move(arena.buffers);
        budget.peakRamBytes = budget.arena.bytes;
        budget.peakLayer = budget.arena.peakStep;
    }
    return budget;
}

std::vector<ArenaBank> ramBanks(const Device& device, bool withOthers) {
    std::vector<ArenaBank> banks;
    std::string names;
    for (const MemoryBank& bank : device.ram) {
        if (bank.isUsable) {
            names += (names.empty() ? "" : "+") + bank.name;
        } else if (withOthers && bank.note.find("for code") == std::string::npos) {
            banks.push_back({bank.name, bank.sizeBytes});
        }
    }
    std::stable_sort(banks.begin(), banks.end(),
                     [](const ArenaBank& a, const ArenaBank& b) { return a.bytes > b.bytes; });
    banks.insert(banks.begin(), {names, device.ramLimitBytes()});
    return banks;
}

RomSplit romSplit(const Budget& budget, const Device& device) {
    RomSplit split;
    for (const LayerBudget& layer : budget.layers) {
        split.weightBytes += layer.weightBytes;
        split.requantBytes += layer.biasBytes + layer.requantBytes - layer.tableBytes;
        split.tableBytes += layer.tableBytes;
    }
    split.codeBytes = device.reservedRomBytes;
    return split;
}

std::string Budget::peakText() const {
    if (peakLayer < 0) {
        return {};
    }
    const LayerBudget& peak = layers[static_cast<std::size_t>(peakLayer)];
    std::string text = peak.layer.str() + ": input " + std::to_string(peak.inputBytes) + " + output " +
                       std::to_string(peak.outputBytes);
    if (ramModel != RamModel::InOut) {
        text += " + held for later layers " + std::to_string(peak.liveBytes);
    }
    if (ramModel == RamModel::Arena) {
        return text + " B alive; arena " + std::to_string(arena.bytes) + " B, no less than " +
               std::to_string(arena.lowerBoundBytes) + " B with outputs over inputs";
    }
    return text + " = " + std::to_string(peakRamBytes) + " B";
}

std::string Budget::verdict(const Device& device) const {
    std::string text = share("ROM", romBytes, device.romLimitBytes()) + ", " +
                       share("RAM", peakRamBytes, device.ramLimitBytes()) +
                       (fits(device) ? ": fits" : ": does not fit");
    if (peakRamBytes > device.ramLimitBytes() && peakLayer >= 0) {
        const LayerBudget& peak = layers[static_cast<std::size_t>(peakLayer)];
        text += "; RAM is highest in " + peak.layer.str() + " (input " + std::to_string(peak.inputBytes) +
                " + output " + std::to_string(peak.outputBytes) + " + held for later layers " +
                std::to_string(peak.liveBytes) + " B)";
    }
    return text;
}

}  // namespace bitlathe::core
