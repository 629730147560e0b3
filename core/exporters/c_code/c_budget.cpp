#include "core/exporters/c_code/c_budget.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kWord = 4;

std::int64_t wholeWords(std::int64_t bytes) {
    return (bytes + kWord - 1) / kWord * kWord;
}

/// What lies in the arena of a tensor; 0: it is the caller's.
std::int64_t arenaBytes(const CNetwork& network, int tensor) {
    return network.tensorOffsets[static_cast<std::size_t>(tensor)] < 0
               ? 0
               : wholeWords(tensorBytes(network.graph.tensor(tensor)));
}

/// Tensors that are neither the step's inputs nor its output, made before it and read behind it.
std::int64_t heldBytes(const CNetwork& network, std::size_t step) {
    std::vector<bool> isMade(network.graph.tensors.size(), false);
    std::vector<bool> isNeeded(network.graph.tensors.size(), false);
    for (std::size_t s = 0; s < step; ++s) {
        isMade[static_cast<std::size_t>(network.steps[s].output)] = true;
    }
    for (std::size_t s = step + 1; s < network.steps.size(); ++s) {
        for (const int input : network.steps[s].inputs) {
            isNeeded[static_cast<std::size_t>(input)] = true;
        }
    }
    const CStep& own = network.steps[step];
    std::int64_t bytes = 0;
    for (std::size_t t = 0; t < isMade.size(); ++t) {
        const int tensor = static_cast<int>(t);
        const bool isOwn =
            tensor == own.output || std::count(own.inputs.begin(), own.inputs.end(), tensor) > 0;
        bytes += !isOwn && isMade[t] && isNeeded[t] ? arenaBytes(network, tensor) : 0;
    }
    return bytes;
}

CLayerBudget layerBudget(const CNetwork& network, std::size_t index) {
    const CStep& step = network.steps[index];
    CLayerBudget layer;
    layer.layer = LayerId(step.layer);
    layer.kernel = step.kernel;
    layer.weightBytes = step.weightBytes;
    layer.requantBytes = step.parameterBytes;
    layer.constantBytes = step.constantBytes;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        const bool isFirst =
            std::find(step.inputs.begin(), step.inputs.begin() + static_cast<std::ptrdiff_t>(i),
                      step.inputs[i]) == step.inputs.begin() + static_cast<std::ptrdiff_t>(i);
        layer.inputBytes += isFirst ? arenaBytes(network, step.inputs[i]) : 0;
    }
    layer.outputBytes = arenaBytes(network, step.output);
    layer.scratchBytes = wholeWords(step.scratchBytes);
    layer.heldBytes = heldBytes(network, index);
    return layer;
}

}  // namespace

CBudget cBudget(const CNetwork& network) {
    CBudget budget;
    budget.sizes = network.footprint;
    budget.buffers = network.arenaBuffers;
    budget.arena = network.arenaPlan;
    for (std::size_t i = 0; i < network.steps.size(); ++i) {
        budget.layers.push_back(layerBudget(network, i));
    }
    return budget;
}

RomSplit CBudget::split(std::int64_t codeBytes) const noexcept {
    return {sizes.weightBytes, sizes.parameterBytes - sizes.constantBytes,
            sizes.constantBytes + sizes.descriptionBytes, codeBytes};
}

std::string CBudget::peakText() const {
    if (arena.peakStep < 0) {
        return {};
    }
    const CLayerBudget& peak = layers[static_cast<std::size_t>(arena.peakStep)];
    std::string text =
        fmt::format("{}: input {} + output {} + scratch {} + held for later layers {}", peak.layer.str(),
                    peak.inputBytes, peak.outputBytes, peak.scratchBytes, peak.heldBytes);
    if (const std::int64_t shared = peak.aliveBytes() - arena.lowerBoundBytes; shared > 0) {
        text += fmt::format(" - written over input already read {}", shared);
    }
    text += fmt::format(" = {} B", arena.lowerBoundBytes);
    if (sizes.arenaBytes > wholeWords(arena.lowerBoundBytes)) {
        text += fmt::format("; arena {} B, the best packing found", sizes.arenaBytes);
    }
    return text;
}

}  // namespace bitlathe::core
