#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Sizes of a tensor's dimensions, outermost first. Activations are N,C,H,W with N left to the batch (stored as 1).
using Shape = std::vector<std::int64_t>;

/// Product of the sizes; 1 for a scalar.
inline std::int64_t elementCount(const Shape& shape) noexcept {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        count *= size;
    }
    return count;
}

/// "1×32×32"; "scalar" for no dimension.
inline std::string shapeText(const Shape& shape) {
    if (shape.empty()) {
        return "scalar";
    }
    std::string text;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        text += (i == 0 ? "" : "×") + std::to_string(shape[i]);
    }
    return text;
}

}  // namespace bitlathe::core
