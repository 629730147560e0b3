#include "core/device/ram_model.h"

#include "core/device/budget.h"
#include "core/types/error.h"
#include "core/util/named_values.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

namespace bitlathe::core {

namespace {

constexpr NamedValues<RamModel, 3> kNames{
    {{RamModel::InOut, "in_out"}, {RamModel::Lifetimes, "lifetimes"}, {RamModel::Arena, "arena"}}};

/// A pool that goes through its windows row by row never comes back to a place its outputs have reached: output
/// (r, c) is value r*W' + c, the next window starts at value (r*s - p)*W + (c+1)*s - p, which is further on for
/// strides of at least 2 and a padding below them.
bool isPoolForwardOnly(const Pool2dOp& pool) {
    const auto& p = pool.padding;
    return pool.stride[0] >= 2 && pool.stride[1] >= 2 && std::max(p[0], p[2]) < pool.stride[0] &&
           std::max(p[1], p[3]) < pool.stride[1];
}

LayerOverlap overlapOf(const Conv2dOp& conv, const Layer& layer, const Shape& input,
                       const ArenaRules& rules) {
    LayerOverlap overlap;
    const bool isSameStride = conv.stride[0] >= 1 && conv.dilation[0] == 1 && conv.dilation[1] == 1;
    if (layer.kind == LayerKind::DepthwiseConv && rules.isDepthwiseInPlace && isSameStride &&
        input[1] == layer.outputChannels) {
        const std::int64_t rows = conv.weight.shape()[2];
        // A row of output comes after the rows it reads are in scratch, and lies no further than they do.
        overlap.isAllowed =
            rows > conv.padding[0] && layer.outputShape[2] <= input[2] && layer.outputShape[3] <= input[3];
        overlap.isReadFirst = true;
        overlap.needsNoWider = true;
        overlap.scratchElements = overlap.isAllowed ? rows * input[3] * input[1] : 0;
    } else if (layer.kind == LayerKind::PointwiseConv && rules.pointwisePixels > 0 && conv.stride[0] == 1 &&
               conv.stride[1] == 1) {
        overlap.isAllowed = true;
        overlap.inputUnit = rules.pointwisePixels * input[1];
        overlap.outputUnit = rules.pointwisePixels * layer.outputChannels;
    }
    return overlap;
}

}  // namespace

std::string_view ramModelName(RamModel model) noexcept {
    return nameOf(kNames, model);
}

RamModel ramModelFromName(std::string_view name) {
    return valueNamed(kNames, name, "RAM model");
}

std::int64_t overlapLead(std::int64_t inputBytes, std::int64_t outputBytes, std::int64_t inputUnit,
                         std::int64_t outputUnit, bool isReadFirst) noexcept {
    return isReadFirst ? std::max<std::int64_t>(0, outputBytes - inputBytes)
                       : std::max(outputUnit, outputBytes - inputBytes + inputUnit);
}

LayerOverlap layerOverlap(const PreparedModel& model, const Layer& layer, const ArenaRules& rules) {
    const Node& node = model.graph.node(layer.node);
    const Shape& input = model.graph.node(layer.inputNodes.front()).outputShape;
    LayerOverlap overlap;
    if (const auto* conv = std::get_if<Conv2dOp>(&node.op)) {
        return overlapOf(*conv, layer, input, rules);
    }
    const auto* pool = std::get_if<Pool2dOp>(&node.op);
    const bool isElementwise =
        std::holds_alternative<AddOp>(node.op) || std::holds_alternative<MulOp>(node.op) ||
        std::holds_alternative<UnaryOp>(node.op) || std::holds_alternative<ClampOp>(node.op) ||
        std::holds_alternative<LeakyReluOp>(node.op);
    overlap.isAllowed = (isElementwise && rules.isElementwiseInPlace) ||
                        (pool != nullptr && rules.isPoolInPlace && isPoolForwardOnly(*pool)) ||
                        (std::holds_alternative<GlobalAveragePoolOp>(node.op) && rules.isPoolInPlace);
    overlap.isReadFirst = true;
    overlap.needsNoWider = !isElementwise;
    return overlap;
}

ModelArena modelArena(const PreparedModel& model, const QuantConfig& config, const ArenaRules& rules) {
    const TensorLifetimes lifetimes = tensorLifetimes(model);
    const auto bits = tensorBits(model, config);
    const auto bitsOf = [&](int tensor) {
        return bits[static_cast<std::size_t>(lifetimes.tensors[static_cast<std::size_t>(tensor)].node)];
    };
    ModelArena arena;
    for (const StoredTensor& tensor : lifetimes.tensors) {
        const bool isInput = tensor.producer < 0;
        const std::int64_t bytes = packedBytes(tensor.elements, bits[static_cast<std::size_t>(tensor.node)]);
        arena.buffers.push_back(
            {isInput ? kInputLayer.str() : model.layers[static_cast<std::size_t>(tensor.producer)].id.str(),
             isInput && !rules.isInputCounted ? 0 : bytes, std::max(0, tensor.producer), tensor.lastLayer});
    }
    for (std::size_t i = 0; i < lifetimes.layers.size(); ++i) {
        const Layer& layer = model.layers[i];
        const LayerTensors& places = lifetimes.layers[i];
        const LayerOverlap overlap = layerOverlap(model, layer, rules);
        if (!overlap.isAllowed) {
            continue;
        }
        if (overlap.scratchElements > 0) {
            arena.buffers.push_back({layer.id.str() + " rows",
                                     packedBytes(overlap.scratchElements, bitsOf(places.inputs.front())),
                                     static_cast<int>(i), static_cast<int>(i)});
        }
        const std::int64_t output = arena.buffers[static_cast<std::size_t>(places.output)].bytes;
        for (const int input : places.inputs) {
            const StoredTensor& tensor = lifetimes.tensors[static_cast<std::size_t>(input)];
            // A second factor [N,C,1,1] of a product is read again for every pixel.
            const bool isWhole = !std::holds_alternative<MulOp>(model.graph.node(layer.node).op) ||
                                 tensor.elements == layer.outputElements;
            const bool isNarrowEnough =
                !overlap.needsNoWider || bitsOf(places.output).value_or(BitWidth(BitWidth::kMax)) <=
                                             bitsOf(input).value_or(BitWidth(BitWidth::kMax));
            if (isWhole && isNarrowEnough && (tensor.producer >= 0 || rules.isInputCounted)) {
                arena.overlaps.push_back({input, places.output,
                                          overlapLead(arena.buffers[static_cast<std::size_t>(input)].bytes,
                                                      output, packedBytes(overlap.inputUnit, bitsOf(input)),
                                                      packedBytes(overlap.outputUnit, bitsOf(places.output)),
                                                      overlap.isReadFirst)});
            }
        }
    }
    return arena;
}

std::vector<std::optional<BitWidth>> tensorBits(const PreparedModel& model, const QuantConfig& config) {
    std::vector<const Layer*> layerEndingAt(model.graph.nodes.size(), nullptr);
    for (const Layer& layer : model.layers) {
        layerEndingAt[static_cast<std::size_t>(layer.outputNode)] = &layer;
    }
    std::vector<std::optional<BitWidth>> bits(model.graph.nodes.size());
    for (std::size_t id = 0; id < bits.size(); ++id) {
        const Node& node = model.graph.nodes[id];
        const Layer* layer = layerEndingAt[id];
        if (std::holds_alternative<InputOp>(node.op)) {
            bits[id] = config.input.bits;
        } else if (std::holds_alternative<FlattenOp>(node.op) ||
                   (layer != nullptr && layer->kind == LayerKind::MaxPool)) {
            bits[id] = bits[static_cast<std::size_t>(node.inputs.front())];
        } else if (layer != nullptr && layer->isQuantizable) {
            const auto found = config.layers.find(layer->id);
            bits[id] = found == config.layers.end() ? std::nullopt : found->second.output.bits;
        }
    }
    return bits;
}

}  // namespace bitlathe::core
