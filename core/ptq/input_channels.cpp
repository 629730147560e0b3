#include "core/ptq/input_channels.h"

#include <variant>

namespace bitlathe::core {

InputChannels::InputChannels(const Graph& graph, const Layer& layer, std::size_t channels)
    : m_inputs(static_cast<std::size_t>(layer.weightShape[1])) {
    const auto* const conv = std::get_if<Conv2dOp>(&graph.node(layer.node).op);
    const auto groups = conv == nullptr ? std::size_t{1} : static_cast<std::size_t>(conv->groups);
    m_outputsPerGroup = static_cast<std::size_t>(layer.weightShape[0]) / groups;
    m_places = static_cast<std::size_t>(layer.weightCount) /
               static_cast<std::size_t>(layer.weightShape[0] * layer.weightShape[1]);
    // A flatten in front of a linear lays a channel's places next to one another.
    m_valuesPerChannel = m_inputs * groups / channels;
}

}  // namespace bitlathe::core
