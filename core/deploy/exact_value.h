#pragma once

#include "core/deploy/reference_engine.h"

#include <cstddef>
#include <span>

namespace bitlathe::core {

/// What an output code was rounded from, exactly, and how far float32 arithmetic may stray from it
/// (README eq. 67).
struct ExactValue {
    double margin = 0;  ///< distance from the nearest place where the code changes, in output steps
    double bound =
        0;  ///< (K + 8) 2^-24 * sum of |terms|, K terms, in output steps; no order of summing exceeds it
};

/// layer    one with a grid of its own
/// inputs   codes of one image
/// element  index into the layer's output
/// Functions such as sigmoid have their margin in accumulator steps, with one step for the function's own
/// rounding.
ExactValue exactValue(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs,
                      std::size_t element);

/// Whether a fake-quantized layer computes without any rounding before the last: every step a power of two, and
/// no sum of 2^24 or more.
bool isFloatExact(const IntegerGraph& graph, const IntegerLayer& layer);

}  // namespace bitlathe::core
