#include "core/deploy/lowering.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>
#include <utility>

namespace bitlathe::core {

namespace {

/// One below the largest int32, which stands for a threshold that is never reached.
constexpr std::int64_t kLargestAccumulator = std::numeric_limits<std::int32_t>::max() - 1;

/// One output channel on its way to integers.
struct Channel {
    std::vector<std::int32_t> codes;  ///< [kernel row][kernel column][input channel]
    std::int32_t zeroPoint = 0;
    std::int64_t plainBias = 0;
    double step = 1;  ///< real value of one unit of the accumulator

    std::int64_t sum() const {
        std::int64_t total = 0;
        for (const std::int32_t code : codes) {
            total += code - zeroPoint;
        }
        return total;
    }
    std::int64_t absoluteSum() const {
        std::int64_t total = 0;
        for (const std::int32_t code : codes) {
            total += std::abs(code - zeroPoint);
        }
        return total;
    }
    std::int64_t bias(const IntegerTensor& input) const { return plainBias - input.zeroPoint * sum(); }
    /// No partial sum of either form (zero point in the bias or subtracted from the inputs) can exceed it.
    std::int64_t bound(const IntegerTensor& input) const {
        const std::int64_t raw = std::max(std::abs(input.lowestCode()), std::abs(input.highestCode()));
        const std::int64_t centred = std::max(std::abs(input.lowestCode() - input.zeroPoint),
                                              std::abs(input.highestCode() - input.zeroPoint));
        return std::max(std::abs(bias(input)) + raw * absoluteSum(),
                        std::abs(plainBias) + centred * absoluteSum());
    }
};

/// [out][in][rows][columns] to [rows][columns][in] of each output channel.
void reorder(std::span<const std::int32_t> source, std::int64_t inputs, std::int64_t area,
             std::vector<std::int32_t>& target) {
    target.resize(source.size());
    for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t a = 0; a < area; ++a) {
            target[static_cast<std::size_t>(a * inputs + i)] = source[static_cast<std::size_t>(i * area + a)];
        }
    }
}

void setGeometry(IntegerConv& conv, const Conv2dOp& op) {
    const Shape& weight = op.weight.shape();
    conv.kernel = {static_cast<int>(weight[2]), static_cast<int>(weight[3])};
    std::copy(op.stride.begin(), op.stride.end(), conv.stride.begin());
    std::copy(op.padding.begin(), op.padding.end(), conv.padding.begin());
    std::copy(op.dilation.begin(), op.dilation.end(), conv.dilation.begin());
    conv.groups = static_cast<int>(op.groups);
    conv.outputChannels = static_cast<int>(weight[0]);
    conv.inputChannelsPerGroup = static_cast<int>(weight[1]);
}

/// A linear layer reads its whole input tensor with one kernel.
void setGeometry(IntegerConv& conv, const LinearOp& op, const IntegerTensor& input) {
    conv.kernel = {input.rows, input.columns};
    conv.outputChannels = static_cast<int>(op.weight.shape()[0]);
    conv.inputChannelsPerGroup = input.channels;
}

void requireSameGridKind(const QParams& grid, const Layer& layer) {
    if (grid.isPerChannel() && grid.scale.size() != static_cast<std::size_t>(layer.weightShape[0])) {
        failLowering(ErrorCode::ShapeMismatch, layer.id,
                     std::to_string(grid.scale.size()) + " weight scales for " +
                         std::to_string(layer.weightShape[0]) + " output channels");
    }
    if (const int bits = bitsFor(grid.quantMin, grid.quantMax); bits > 8) {
        throw Error(ErrorCode::InvalidConfig, "weights of '" + layer.id.str() + "' have " +
                                                  std::to_string(bits) +
                                                  "-bit codes; integer models take 1 to 8 bits");
    }
}

/// Weight codes by channel, in the integer model's order.
std::vector<Channel> weightChannels(const FloatTensor& weights, const QParams& grid,
                                    const IntegerConv& conv) {
    const auto outputs = static_cast<std::size_t>(conv.outputChannels);
    const std::size_t perChannel = static_cast<std::size_t>(weights.size()) / outputs;
    std::vector<std::int32_t> codes(static_cast<std::size_t>(weights.size()));
    quantizeTensor(weights.values(), codes, grid, 1, conv.outputChannels,
                   static_cast<std::int64_t>(perChannel));
    std::vector<Channel> channels(outputs);
    for (std::size_t c = 0; c < outputs; ++c) {
        channels[c].zeroPoint = grid.zeroPoint[grid.zeroPoint.size() == 1 ? 0 : c];
        reorder(std::span(codes).subspan(c * perChannel, perChannel), conv.inputChannelsPerGroup,
                std::int64_t{conv.kernel[0]} * conv.kernel[1], channels[c].codes);
    }
    return channels;
}

/// A channel that gives one code whatever it reads: no weight, a bias that is the code, factor 1.
void makeConstant(Channel& channel, std::int32_t code, const Requantization& rule, double outputScale) {
    std::fill(channel.codes.begin(), channel.codes.end(), channel.zeroPoint);
    channel.plainBias = code - rule.zeroPoint;
    channel.step = outputScale;
}

}  // namespace

/// What the layers' parts make of the channels.
class WeightedLowering {
public:
    WeightedLowering(const Layer& layer, const IntegerTensor& input, const LoweringOptions& options)
        : m_layer(layer), m_input(input), m_options(options) {}

    void requireInt32(std::span<const Channel> channels) const {
        for (std::size_t c = 0; c < channels.size(); ++c) {
            if (const std::int64_t bound = channels[c].bound(m_input); bound > kLargestAccumulator) {
                failLowering(
                    ErrorCode::InvalidConfig, m_layer.id,
                    "the accumulator of output channel " + std::to_string(c) + " could reach " +
                        std::to_string(bound) +
                        ", more than 32 bits hold; use fewer bits for its weights or its input, or a "
                        "wider weight range (its bias is " +
                        std::to_string(channels[c].plainBias) + " steps)");
            }
        }
    }

    /// Channels whose bias drowns everything they read: one code, if it is one code.
    void freezeConstantChannels(std::vector<Channel>& channels, const Requantization& rule,
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

    static std::int32_t codeOf(double accumulator, const Channel& channel, const Requantization& rule,
                               double outputScale) {
        const double code = roundTo(accumulator * channel.step / outputScale, rule.rounding) + rule.zeroPoint;
        return static_cast<std::int32_t>(
            std::clamp<double>(code, static_cast<double>(rule.lower), static_cast<double>(rule.upper)));
    }

    /// Factors, one if they are all the same; rounding made simple.
    void setFactors(IntegerConv& conv, std::span<const Channel> channels, double outputScale) const {
        std::vector<FixedFactor>& factors = conv.output.factors;
        for (const Channel& channel : channels) {
            factors.push_back(requantizationFactor(channel.step / outputScale, m_layer.id));
        }
        if (std::all_of(factors.begin(), factors.end(),
                        [&](const FixedFactor& factor) { return factor == factors.front(); })) {
            factors.resize(1);
        }
        conv.output.rounding = simplestRounding(conv.output.rounding, factors, conv.accumulatorBound);
    }

    void replaceFactorsByThresholds(IntegerConv& conv) const {
        const Requantization rule = conv.output;
        for (std::size_t c = 0; c < static_cast<std::size_t>(conv.outputChannels); ++c) {
            conv.output.thresholds.push_back(thresholdsOf(
                [&](std::int64_t accumulator) {
                    return requantize(accumulator, rule.factor(c), rule.rounding, rule.zeroPoint, rule.lower,
                                      rule.upper);
                },
                conv.accumulatorBound));
        }
        conv.output.factors.clear();
    }

    /// sigmoid(accumulator * step) and the like, computed in float32 as the fake-quantized model does.
    void setActivationThresholds(IntegerConv& conv, std::span<const Channel> channels,
                                 const Operator& activation, const QParams& grid) const {
        if (!isMonotonic(activation)) {
            failLowering(
                ErrorCode::UnsupportedOperator, m_layer.id,
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

    /// Raw accumulators on one scale: as they are, or brought to the coarsest step that keeps 30 bits.
    double setLogits(IntegerConv& conv, std::span<const Channel> channels) const {
        const double first = channels.front().step;
        if (std::all_of(channels.begin(), channels.end(),
                        [&](const Channel& channel) { return channel.step == first; })) {
            return first;
        }
        double largest = 0;
        for (const Channel& channel : channels) {
            largest =
                std::max(largest, static_cast<double>(channel.bound(m_input)) * std::fabs(channel.step));
        }
        const double common = largest / 0x1p30;
        conv.output.rounding = Rounding::HalfUp;
        setFactors(conv, channels, common);
        return common;
    }

private:
    const Layer& m_layer;
    const IntegerTensor& m_input;
    const LoweringOptions& m_options;
};

namespace {

/// Steps and biases of a layer whose batch norm is folded: the accumulator's grid of README eq. 10.
void setFoldedBias(std::vector<Channel>& channels, const FloatTensor& bias, const QParams& input,
                   const QParams& weight) {
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].step = static_cast<double>(input.scale[0]) *
                           static_cast<double>(weight.scale[weight.scale.size() == 1 ? 0 : c]);
    }
    if (bias.defined()) {
        const QuantizedBias quantized = quantizedBias(bias.values(), input, weight);
        for (std::size_t c = 0; c < channels.size(); ++c) {
            channels[c].plainBias = quantized.codes[c];
        }
    }
}

void packChannels(IntegerConv& conv, std::span<const Channel> channels, const IntegerTensor& input,
                  const QParams& grid) {
    std::vector<std::int32_t> codes;
    for (const Channel& channel : channels) {
        codes.insert(codes.end(), channel.codes.begin(), channel.codes.end());
        conv.weightZeroPoints.push_back(channel.zeroPoint);
        conv.bias.push_back(static_cast<std::int32_t>(channel.bias(input)));
        conv.accumulatorBound = std::max(conv.accumulatorBound, channel.bound(input));
        conv.accumulatorScale = std::max(conv.accumulatorScale, std::fabs(channel.step));
    }
    if (std::all_of(conv.weightZeroPoints.begin(), conv.weightZeroPoints.end(),
                    [&](std::int32_t zero) { return zero == conv.weightZeroPoints.front(); })) {
        conv.weightZeroPoints.resize(1);
    }
    conv.weights = PackedCodes(codes, bitsFor(grid.quantMin, grid.quantMax), grid.quantMin < 0);
}

}  // namespace

void Lowering::lowerWeighted(const Layer& layer) {
    const int inputIndex = inputOf(layer, 0);
    const IntegerTensor input = m_graph.tensor(inputIndex);
    const QParams* const weightGrid = m_plan.find({layer.id, SiteKind::Weight});
    if (weightGrid == nullptr) {
        throw Error(ErrorCode::InvalidConfig,
                    "weights of '" + layer.id.str() +
                        "' are float; an integer model needs them quantized to 1 to 8 "
                        "bits");
    }
    requireSameGridKind(*weightGrid, layer);
    Output output = outputOf(layer);

    IntegerConv conv;
    conv.accumulatorScale = 0;
    const Operator& op = m_model.graph.node(layer.node).op;
    if (const auto* convolution = std::get_if<Conv2dOp>(&op)) {
        setGeometry(conv, *convolution);
    } else {
        setGeometry(conv, std::get<LinearOp>(op), input);
    }
    std::vector<Channel> channels = weightChannels(layerWeights(m_model, layer), *weightGrid, conv);
    QParams inputGrid;
    inputGrid.scale = {static_cast<float>(input.scale)};
    setFoldedBias(channels, layerBias(m_model, layer), inputGrid, *weightGrid);

    const WeightedLowering parts(layer, input, m_options);
    conv.output = output.rule;
    const Operator* const activation = activationOf(layer);
    const bool isClamped = activation == nullptr || std::holds_alternative<ClampOp>(*activation);
    if (output.grid != nullptr && isClamped) {
        parts.freezeConstantChannels(channels, output.rule, static_cast<double>(output.scale));
    }
    parts.requireInt32(channels);
    packChannels(conv, channels, input, *weightGrid);

    const int target = addOutputTensor(layer, output);
    if (output.grid == nullptr) {
        m_graph.tensors[static_cast<std::size_t>(target)].scale = parts.setLogits(conv, channels);
    } else if (!isClamped) {
        parts.setActivationThresholds(conv, channels, *activation, *output.grid);
    } else {
        parts.setFactors(conv, channels, static_cast<double>(output.scale));
        if (m_options.thresholds && m_graph.tensor(target).bits <= 4) {
            parts.replaceFactorsByThresholds(conv);
        }
    }
    add(layer, std::move(conv), {inputIndex}, target);
}

}  // namespace bitlathe::core
