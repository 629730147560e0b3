#pragma once

#include "core/device/arena_plan.h"
#include "core/device/tensor_lifetimes.h"
#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bitlathe::core {

/// How the RAM figure of a model is reckoned; every figure names its own.
enum class RamModel {
    InOut,  ///< "in_out": a layer's inputs and output alone, as in Rusci et al. 2019; nothing held for branches
    Lifetimes,  ///< "lifetimes": all that is alive while a layer runs, without asking where it lies
    Arena,      ///< "arena": real offsets in one arena, with outputs over inputs where kernels allow it
};
std::string_view ramModelName(RamModel model) noexcept;
/// Errors  InvalidConfig: unknown name; lists the known ones.
RamModel ramModelFromName(std::string_view name);

/// What the kernels that will run a model allow and need beside the tensors: a plan before there is code. The C exporter
/// plans with its own kernels' leads and scratch through the same planArena; its figure is the one to the byte.
struct ArenaRules {
    bool isElementwiseInPlace = true;  ///< add, mul and lookup tables write over an input that ends there
    bool isPoolInPlace = true;         ///< pools that run row by row write over their input
    bool isDepthwiseInPlace =
        true;                 ///< depthwise convolutions keep kernel-height rows of input in scratch memory
    int pointwisePixels = 0;  ///< 1x1 convolutions run over so many pixels at a time; 0: never overlap
    std::int64_t alignment = 4;
    bool isInputCounted = true;  ///< the graph's input lies in the arena, too
};

/// A model's activations as an arena wants them: one buffer for each stored tensor (by its index in
/// tensorLifetimes(model)), then the scratch buffers.
struct ModelArena {
    std::vector<ArenaBuffer> buffers;
    std::vector<ArenaOverlap> overlaps;
};

/// Bytes an output must start in front of its input so that a kernel that goes through both from start to end never
/// writes over what it still has to read (README eq. 93). Units: what one round reads and writes (pixels of a 1x1
/// convolution).
///
///   max(outputUnit, output - input + inputUnit)     the round's input is read while its output is written
///   max(0, output - input)                          isReadFirst: the round's input was read before
std::int64_t overlapLead(std::int64_t inputBytes, std::int64_t outputBytes, std::int64_t inputUnit,
                         std::int64_t outputUnit, bool isReadFirst) noexcept;

/// How a layer's output may lie over its input under rules; what modelArena and the search ask.
struct LayerOverlap {
    bool isAllowed = false;
    bool isReadFirst = false;
    bool needsNoWider = false;   ///< only where the output has at most the input's bits
    std::int64_t inputUnit = 0;  ///< values of one round; 0 with isReadFirst
    std::int64_t outputUnit = 0;
    std::int64_t scratchElements =
        0;  ///< values of the input the kernel holds beside (rows of a depthwise kernel)
};
LayerOverlap layerOverlap(const PreparedModel& model, const Layer& layer, const ArenaRules& rules);

/// Buffers and permitted overlaps under a configuration. A step is a layer.
ModelArena modelArena(const PreparedModel& model, const QuantConfig& config, const ArenaRules& rules = {});

/// Bits of every node's tensor under a configuration: of the site that quantizes it; empty: float (4 bytes a value).
std::vector<std::optional<BitWidth>> tensorBits(const PreparedModel& model, const QuantConfig& config);

}  // namespace bitlathe::core
