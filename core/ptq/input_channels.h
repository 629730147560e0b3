#pragma once

#include "core/graph/layer.h"

#include <cstddef>

namespace bitlathe::core {

/// How a layer's weights belong to the channels of what it reads.
class InputChannels {
public:
    /// channels  of the value the layer reads, before a flatten
    InputChannels(const Graph& graph, const Layer& layer, std::size_t channels);

    /// The channel that weight number `i` multiplies.
    std::size_t of(std::size_t i) const noexcept {
        const std::size_t output = i / (m_inputs * m_places);
        const std::size_t input = i / m_places % m_inputs;
        return (output / m_outputsPerGroup * m_inputs + input) / m_valuesPerChannel;
    }
    /// Whether every output channel reads one channel alone.
    bool isDepthwise() const noexcept { return m_inputs == 1; }

private:
    std::size_t m_inputs;
    std::size_t m_outputsPerGroup = 1;
    std::size_t m_places = 1;
    std::size_t m_valuesPerChannel = 1;
};

}  // namespace bitlathe::core
