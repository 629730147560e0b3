#pragma once

#include "core/device/budget.h"
#include "core/exporters/c_code/c_network.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Bytes of one layer as the C exporter lays it out.
struct CLayerBudget {
    LayerId layer;
    std::string kernel;  ///< for people: "blocks of 2x4, 4-bit weights"
    std::int64_t weightBytes = 0;
    std::int64_t requantBytes = 0;   ///< biases, multipliers, shifts, zero points, thresholds
    std::int64_t constantBytes = 0;  ///< lookup tables
    std::int64_t inputBytes = 0;   ///< in the arena: 0 where it is the network's input, which is the caller's
    std::int64_t outputBytes = 0;  ///< likewise for the network's output
    std::int64_t scratchBytes = 0;
    std::int64_t heldBytes = 0;  ///< other tensors in the arena that later layers read

    std::int64_t romBytes() const noexcept { return weightBytes + requantBytes + constantBytes; }
    std::int64_t aliveBytes() const noexcept { return inputBytes + outputBytes + scratchBytes + heldBytes; }
};

/// What an exported network needs, to the byte: the sections of the linked program.
struct CBudget {
    std::vector<CLayerBudget> layers;  ///< in order of execution; a concat has one for each input
    CFootprint sizes;
    std::vector<ArenaBuffer> buffers;  ///< of the arena; their steps index `layers`
    ArenaPlan arena;

    /// Tables and layer descriptions: all ROM but the code.
    std::int64_t romBytes() const noexcept { return sizes.romBytes() + sizes.descriptionBytes; }
    /// The arena and the caller's two buffers: all RAM but the stack.
    std::int64_t ramBytes() const noexcept { return sizes.arenaBytes + sizes.inputBytes + sizes.outputBytes; }
    /// constants: lookup tables and layer descriptions.
    RomSplit split(std::int64_t codeBytes) const noexcept;
    /// Index into layers of the step that makes the arena as large as it is; -1: no arena.
    int peakLayer() const noexcept { return arena.peakStep; }
    /// "blocks.1.pointwise: input 8192 + output 16384 + scratch 96 + held 0 - written over read input 8064 = 16608 B";
    /// behind it the arena's bytes where no plan reached that. Empty without an arena.
    std::string peakText() const;
};

CBudget cBudget(const CNetwork& network);

}  // namespace bitlathe::core
