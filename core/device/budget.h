#pragma once

#include "core/device/device.h"
#include "core/device/ram_model.h"
#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core {

/// How a layer's requantization parameters are stored (Rusci et al. 2019, arXiv:1905.13082).
enum class FoldScheme {
    PerLayerFolded,  ///< batch norm in the weights, one multiplier per layer ("PL+FB")
    PerLayerIcn,     ///< one weight scale, batch norm as per-channel integers ("PL+ICN")
    PerChannelIcn,   ///< weight scale and batch norm per channel ("PC+ICN")
};

/// Follows from the layer's choices: weights per channel or per group -> PerChannelIcn; per tensor ->
/// PerLayerIcn for BatchNormMode::Icn, else PerLayerFolded (a float batch norm is counted beside it).
FoldScheme foldScheme(const LayerQuant& quant) noexcept;

/// Bytes of everything but the weights of a layer with quantized weights: int32 bias and requantization
/// parameters, for c output channels as listed at computeBudget. `isLogits`: the layer makes the model's
/// logits.
std::int64_t parameterBytes(FoldScheme scheme, std::int64_t outputChannels, bool isLogits) noexcept;

/// Bytes of a tensor: values packed at their bits, whole bytes; 4 bytes a value for float.
std::int64_t packedBytes(std::int64_t values, const std::optional<BitWidth>& bits) noexcept;

/// Bytes one layer needs.
struct LayerBudget {
    LayerId layer;
    std::int64_t weightBytes = 0;   ///< packed at their bits, whole bytes per tensor
    std::int64_t biasBytes = 0;     ///< int32 (float32 where the layer is float)
    std::int64_t requantBytes = 0;  ///< multipliers, shifts, zero points, tables
    std::int64_t tableBytes = 0;    ///< of these, lookup tables of activations
    std::int64_t inputBytes = 0;    ///< all inputs at their bits
    std::int64_t outputBytes = 0;   ///< 0 where the output takes the input's place (max pool)
    std::int64_t liveBytes = 0;     ///< other tensors alive while this layer runs (branches)

    std::int64_t romBytes() const noexcept { return weightBytes + biasBytes + requantBytes; }
    std::int64_t ramBytes() const noexcept { return inputBytes + outputBytes + liveBytes; }
};

/// The node whose values leave the graph as logits: the output's, before flattens and a softmax.
NodeId logitNode(const Graph& graph);

/// What a configuration costs. Pure arithmetic over the layers: microseconds, so it runs on every edit.
struct Budget {
    std::vector<LayerBudget> layers;  ///< execution order
    std::int64_t romBytes = 0;
    std::int64_t peakRamBytes = 0;
    int peakLayer = -1;                       ///< index into layers, the first of equals; -1 for no layer
    RamModel ramModel = RamModel::Lifetimes;  ///< how peakRamBytes was reckoned
    ArenaPlan arena;                          ///< RamModel::Arena alone: where everything lies
    std::vector<ArenaBuffer> arenaBuffers;    ///< what `arena` places: the timeline of tensors

    bool fits(const Device& device) const noexcept {
        return romBytes <= device.romLimitBytes() && peakRamBytes <= device.ramLimitBytes();
    }
    /// "ROM 104312 of 524288 B, RAM 14336 of 131072 B: fits" or what is over and by how much, with the layer
    /// at the peak.
    std::string verdict(const Device& device) const;
    /// "blocks.1.pointwise: input 8192 + output 16384 + held for later layers 0 = 24576 B"; empty without layers.
    std::string peakText() const;
};

/// The ROM of a firmware by what it holds.
struct RomSplit {
    std::int64_t weightBytes = 0;
    std::int64_t requantBytes = 0;  ///< biases, multipliers, exponents, zero points
    std::int64_t tableBytes = 0;    ///< constants: lookup tables
    std::int64_t codeBytes = 0;     ///< the device's reserve: kernels, runtime, bootloader
};
RomSplit romSplit(const Budget& budget, const Device& device);

/// ROM and RAM of a model's data on an integer engine that runs one layer after another. Code, stack and
/// scratch buffers are not in it: a device reserves them (Device::reservedRomBytes, reservedRamBytes).
///
/// ROM of a layer with quantized weights: packed weights, and for c output channels (bias + the rest, bytes)
///
///   PL+FB 4c + 20       PL+ICN 4c + (5c + 12)       PC+ICN 4c + (6c + 8)
///   the layer that makes the logits: PL 4c + 20, PC 4c + (3c + 4)
///
/// A bias is always there: zero points and batch norm end up in it. A layer with float weights holds 4 bytes
/// a weight and 4c of bias where it has one, and 8 bytes (scale, zero point) where its output is quantized.
/// A batch norm that is not folded (BatchNormMode::NotFolded) adds 8c: a float factor and a float term per channel.
///
/// ROM of a layer without weights whose output is quantized, for k inputs. One word is 4 bytes: zero point,
/// multiplier and exponent of every input, zero point of the output, as in the layers above.
///
///   add, concat, average pool and the like 12k + 4
///   mul 4k + 12 (one common multiplier)
///   sigmoid and its kin: a table of 2^b entries of the output's whole bytes for b <= 8 input bits, else of
///     513 entries of 16 bits; as part of another layer the same with b = 8 (a leaky relu there: 8 bytes)
///   an unfolded batch norm 9c + 8 (c channels); as float 8c
///   max pool and flatten work on their input's grid and need nothing, nor does a softmax, which stays float
///
/// RAM of a layer: its inputs, its output and every tensor a later layer still needs (tensor_lifetimes.h).
/// Sites without bits count 4 bytes a value, in ROM and RAM.
Budget computeBudget(const PreparedModel& model, const QuantConfig& config);

/// Bits of each channel of some sites, as QuantPlan::channelBits holds them.
using ChannelBits = std::map<SiteId, std::vector<int>>;
/// The same where a method has shared bits out among channels: those sites count the bits each channel has, packed one
/// channel after the other, and one byte a channel that says how many.
Budget computeBudget(const PreparedModel& model, const QuantConfig& config, const ChannelBits& channelBits);

/// The same with RAM reckoned as named. InOut leaves out what is held for later layers. Arena gives peakRamBytes as the
/// planned arena's bytes (a bank that is too small leaves buffers unplaced: Budget::arena says which); the layers' own
/// figures stay those of the lifetimes, and peakLayer is the step of the arena's lower bound.
Budget computeBudget(const PreparedModel& model, const QuantConfig& config, RamModel ramModel,
                     const ArenaRules& rules = {}, const std::vector<ArenaBank>& banks = {});

/// The RAM an arena may use: the main region (the usable banks, contiguous by the catalogue's rule, less the reserve),
/// then, with `withOthers`, the banks apart from it, largest first. Memory for code alone (ITCM) is left out.
std::vector<ArenaBank> ramBanks(const Device& device, bool withOthers = false);

}  // namespace bitlathe::core
