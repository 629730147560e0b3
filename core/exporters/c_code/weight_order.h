#pragma once

#include "core/deploy/integer_graph.h"

#include <cstdint>
#include <vector>

namespace bitlathe::core {

/// A layer's weights as the C kernels read them: codes shifted so that 8-bit ones are signed bytes and narrower
/// ones unsigned, packed without gaps from the lowest bit up.
struct OrderedWeights {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t>
        zeroPoints;              ///< in the table's codes; plus 128 for 8 bits, so that all fit a byte
    bool hasZeroPoints = false;  ///< false: all are the value that means 0 (8 bits: 128)
};

enum class WeightOrder {
    AsIs,    ///< [out][rows][columns][in]
    Blocks,  ///< kernels/bl_conv.c: four output channels by four columns
};

/// Errors  UnsupportedOperator: a zero point that lies more than 255 codes away from the lowest code.
OrderedWeights orderWeights(const IntegerConv& conv, WeightOrder order, const LayerId& layer);

}  // namespace bitlathe::core
