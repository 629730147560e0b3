#include "core/deploy/channel_outputs.h"

#include "core/deploy/lowering.h"
#include "core/quantizers/fake_quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::core {

namespace {

/// One below the largest int32, which stands for a threshold that is never reached.
constexpr std::int64_t kLargestAccumulator = std::numeric_limits<std::int32_t>::max() - 1;

std::int32_t codeOf(double accumulator, const Channel& channel, const Requantization& rule,
                    double outputScale) {
    const double code = roundTo(accumulator * channel.step / outputScale, rule.rounding) + rule.zeroPoint;
    return static_cast<std::int32_t>(
        std::clamp<double>(code, static_cast<double>(rule.lower), static_cast<double>(rule.upper)));
}

}  // namespace

void ChannelOutputs::requireInt32(std::span<const Channel> channels) const {
    for (std::size_t c = 0; c < channels.size(); ++c) {
        if (const std::int64_t bound = channels[c].bound(m_input); bound > kLargestAccumulator) {
            failLowering(ErrorCode::InvalidConfig, m_layer.id,
                         "the accumulator of output channel " + std::to_string(c) + " could reach " +
                             std::to_string(bound) +
                             ", more than 32 bits hold; use fewer bits for its weights or its input, or a "
                             "wider weight range (its bias is " +
                             std::to_string(channels[c].plainBias) + " steps)");
        }
    }
}

void ChannelOutputs::freezeConstantChannels(std::vector<Channel>& channels, const Requantization& rule,
                                            double outputScale) const {
    for (Channel& channel : channels) {
        if (channel.bound(m_input) <= kLargestAccumulator) {
            continue;
        }
        const auto reach = static_cast<double>(channel.absoluteSum()) *
                           static_cast<double>(m_input.highestCode() - m_input.lowestCode());
        const std::int32_t low =
            codeOf(static_cast<double>(channel.plainBias) - reach, channel, rule, outputScale);
        const std::int32_t high =
            codeOf(static_cast<double>(channel.plainBias) + reach, channel, rule, outputScale);
        if (low == high) {
            makeConstant(channel, low, rule, outputScale);
        }
    }
}

void ChannelOutputs::setFactors(IntegerConv& conv, std::span<const Channel> channels,
                                double outputScale) const {
    std::vector<FixedFactor>& factors = conv.output.factors;
    for (const Channel& channel : channels) {
        factors.push_back(requantizationFactor(channel.step / outputScale, m_layer.id));
    }
    if (std::all_of(factors.begin(), factors.end(),
                    [&](const FixedFactor& factor) { return factor == factors.front(); })) {
        factors.resize(1);
    }
    std::vector<std::int64_t> bounds;
    for (std::size_t c = 0; c < channels.size(); ++c) {
        // A channel without a weight has one accumulator, its bias.
        const auto code = [&](Rounding rounding) {
            return requantize(channels[c].plainBias, conv.output.factor(c), rounding, conv.output.zeroPoint,
                              conv.output.lower, conv.output.upper);
        };
        const bool isSettled =
            channels[c].absoluteSum() == 0 && code(conv.output.rounding) == code(Rounding::HalfUp);
        bounds.push_back(isSettled ? 0 : channels[c].bound(m_input));
    }
    simplifyRounding(conv.output, bounds);
}

void ChannelOutputs::replaceFactorsByThresholds(IntegerConv& conv,
                                                std::span<const std::int32_t> upper) const {
    const Requantization rule = conv.output;
    for (std::size_t c = 0; c < static_cast<std::size_t>(conv.outputChannels); ++c) {
        const std::int32_t highest = upper.empty() ? rule.upper : upper[c];
        conv.output.thresholds.push_back(thresholdsOf(
            [&](std::int64_t accumulator) {
                return requantize(accumulator, rule.factor(c), rule.rounding, rule.zeroPoint, rule.lower,
                                  highest);
            },
            conv.accumulatorBound));
    }
    conv.output.factors.clear();
}

void ChannelOutputs::setActivationThresholds(IntegerConv& conv, std::span<const Channel> channels,
                                             const Operator& activation, const QParams& grid) const {
    if (!isMonotonic(activation)) {
        failLowering(ErrorCode::UnsupportedOperator, m_layer.id,
                     "activation '" + std::string(operatorName(activation)) +
                         "' falls and rises, so no thresholds on the accumulator give its codes; use relu, "
                         "relu6, sigmoid, tanh, hard sigmoid or leaky relu");
    }
    for (const Channel& channel : channels) {
        conv.output.thresholds.push_back(thresholdsOf(
            [&](std::int64_t accumulator) {
                const float value = applyActivation(
                    activation, static_cast<float>(static_cast<double>(accumulator) * channel.step));
                std::int32_t code = 0;
                quantize({&value, 1}, {&code, 1}, grid);
                return code;
            },
            conv.accumulatorBound));
    }
}

double ChannelOutputs::setLogits(IntegerConv& conv, std::span<const Channel> channels) const {
    const double first = channels.front().step;
    if (std::all_of(channels.begin(), channels.end(),
                    [&](const Channel& channel) { return channel.step == first; })) {
        return first;
    }
    double largest = 0;
    for (const Channel& channel : channels) {
        largest = std::max(largest, static_cast<double>(channel.bound(m_input)) * std::fabs(channel.step));
    }
    if (largest == 0) {
        return first;  // every accumulator is 0, which means 0 at any step
    }
    const double common = largest / 0x1p30;
    conv.output.rounding = Rounding::HalfUp;
    setFactors(conv, channels, common);
    return common;
}

}  // namespace bitlathe::core
