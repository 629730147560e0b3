#pragma once

#include "core/types/shape.h"

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace bitlathe::core {

/// A dense row-major float tensor that shares its immutable storage: copying a Graph copies no weights.
/// The currency between core (no LibTorch) and the engine (LibTorch wraps it without a copy).
class FloatTensor {
public:
    FloatTensor() = default;
    /// values.size() must equal elementCount(shape); asserted by the caller that made both.
    FloatTensor(Shape shape, std::vector<float> values)
        : m_shape(std::move(shape)), m_values(std::make_shared<const std::vector<float>>(std::move(values))) {
    }

    bool defined() const noexcept { return m_values != nullptr; }
    const Shape& shape() const noexcept { return m_shape; }
    std::int64_t size() const noexcept { return m_values ? static_cast<std::int64_t>(m_values->size()) : 0; }
    std::span<const float> values() const noexcept {
        return m_values ? std::span<const float>(*m_values) : std::span<const float>();
    }
    /// Keeps the storage alive for a view that outlives this tensor.
    const std::shared_ptr<const std::vector<float>>& storage() const noexcept { return m_values; }

private:
    Shape m_shape;
    std::shared_ptr<const std::vector<float>> m_values;
};

}  // namespace bitlathe::core
