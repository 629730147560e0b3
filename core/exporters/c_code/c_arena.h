#pragma once

#include "core/exporters/c_code/c_network.h"

namespace bitlathe::core {

/// Offsets of the inner tensors and of every step's scratch in the one arena (core/device/arena_plan.h), and its size.
///  - Input and output of the network are the caller's.
///  - A 3x3 depthwise layer writes over its input where both have the same bits and nobody else reads the input.
///  - Other layers may write into their input's memory as far as what was read already (see `outputLead`).
void planCArena(CNetwork& network);

/// How far in front of its input a layer's output must begin so that nothing is overwritten before it is read: the
/// largest (bytes written) - (first byte still needed) over the layer's output pixels.
std::int64_t outputLead(const IntegerGraph& graph, const IntegerLayer& layer, const CStep& step);

}  // namespace bitlathe::core
