#pragma once

#include "core/deploy/lower.h"
#include "core/deploy/weight_channels.h"

#include <span>
#include <vector>

namespace bitlathe::core {

/// From a weighted layer's accumulators to its output: part of the inside of `lower`.
class ChannelOutputs {
public:
    ChannelOutputs(const Layer& layer, const IntegerTensor& input) : m_layer(layer), m_input(input) {}

    /// Errors  InvalidConfig naming the layer and the channel whose accumulator could leave int32.
    void requireInt32(std::span<const Channel> channels) const;
    /// Channels whose bias drowns everything they read: one code, if it is one code.
    void freezeConstantChannels(std::vector<Channel>& channels, const Requantization& rule,
                                double outputScale) const;
    /// Factors, one if they are all the same; rounding made simple.
    void setFactors(IntegerConv& conv, std::span<const Channel> channels, double outputScale) const;
    /// `upper`: highest code of each channel, none above the rule's; empty: the rule's for all.
    void replaceFactorsByThresholds(IntegerConv& conv, std::span<const std::int32_t> upper) const;
    /// sigmoid(accumulator * step) and the like, computed in float32 as the fake-quantized model does.
    void setActivationThresholds(IntegerConv& conv, std::span<const Channel> channels,
                                 const Operator& activation, const QParams& grid) const;
    /// Raw accumulators on one scale: as they are, or brought to the coarsest step that keeps 30 bits. Returns the scale.
    double setLogits(IntegerConv& conv, std::span<const Channel> channels) const;

private:
    const Layer& m_layer;
    const IntegerTensor& m_input;
};

}  // namespace bitlathe::core
