#include "core/deploy/lowering.h"
#include "core/graph/batch_norm.h"
#include "core/plan/clamp_in_grid.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
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

/// A layer's weight grid as integers: code k of the grid is `codes[k - lowest]` times the slice's step, counted from
/// the zero point.
struct WeightGrid {
    std::vector<double> steps;             ///< one, or one per output channel
    std::vector<std::int32_t> zeroPoints;  ///< the same
    std::int32_t lower = 0;                ///< smallest and largest integer weight
    std::int32_t upper = 0;
    std::vector<std::vector<std::int32_t>>
        levels;  ///< of a grid of levels: its integers by slice; else empty
};

/// The integers k and the step with level = k * step for all levels, |k| <= 127; empty: there are none. Levels are
/// float32, so products that agree to half a unit in the last place are the same level.
std::optional<std::pair<std::vector<std::int32_t>, double>> integerLevels(const LevelTable& table) {
    double smallest = 0;
    for (const float level : table.levels) {
        const double size = std::fabs(static_cast<double>(level));
        smallest = size > 0 && (smallest == 0 || size < smallest) ? size : smallest;
    }
    for (int divisor = 1; divisor <= 127 && smallest > 0; ++divisor) {
        const double step = smallest / divisor;
        std::vector<std::int32_t> integers;
        for (const float level : table.levels) {
            const double k = std::nearbyint(static_cast<double>(level) / step);
            if (std::fabs(k) <= 127 && std::fabs(k * step - static_cast<double>(level)) <=
                                           0x1p-23 * std::fabs(static_cast<double>(level))) {
                integers.push_back(static_cast<std::int32_t>(k));
            }
        }
        if (integers.size() == table.levels.size()) {
            return std::pair(std::move(integers), step);
        }
    }
    return std::nullopt;
}

WeightGrid levelGrid(const QParams& grid, const std::string& site) {
    WeightGrid result;
    for (const LevelTable& table : grid.tables) {
        auto found = integerLevels(table);
        if (!found) {
            throw Error(
                ErrorCode::InvalidConfig,
                site + " lie on levels that are no whole multiples of one step; integer models need such "
                       "multiples (up to 127): choose a uniform quantizer, binary or ternary levels");
        }
        for (const std::int32_t integer : found->first) {
            result.lower = std::min(result.lower, integer);
            result.upper = std::max(result.upper, integer);
        }
        result.levels.push_back(std::move(found->first));
        result.steps.push_back(found->second);
        result.zeroPoints.push_back(0);
    }
    return result;
}

WeightGrid weightGridOf(const QParams& grid, const Layer& layer) {
    const std::string site = "weights of '" + layer.id.str() + "'";
    if (grid.isPerChannel() && grid.scale.size() != static_cast<std::size_t>(layer.weightShape[0])) {
        failLowering(ErrorCode::ShapeMismatch, layer.id,
                     std::to_string(grid.scale.size()) + " weight scales for " +
                         std::to_string(layer.weightShape[0]) + " output channels");
    }
    if (!grid.isUniform()) {
        return levelGrid(grid, site);
    }
    if (const int bits = bitsFor(grid.quantMin, grid.quantMax); bits > 8) {
        throw Error(ErrorCode::InvalidConfig,
                    site + " have " + std::to_string(bits) + "-bit codes; integer models take 1 to 8 bits");
    }
    return {{grid.scale.begin(), grid.scale.end()}, grid.zeroPoint, grid.quantMin, grid.quantMax, {}};
}

/// Weight codes by channel, in the integer model's order.
std::vector<Channel> weightChannels(const FloatTensor& weights, const QParams& qparams,
                                    const WeightGrid& grid, const IntegerConv& conv) {
    const auto outputs = static_cast<std::size_t>(conv.outputChannels);
    const std::size_t perChannel = static_cast<std::size_t>(weights.size()) / outputs;
    std::vector<std::int32_t> codes(static_cast<std::size_t>(weights.size()));
    quantizeTensor(weights.values(), codes, qparams, 1, conv.outputChannels,
                   static_cast<std::int64_t>(perChannel));
    std::vector<Channel> channels(outputs);
    for (std::size_t c = 0; c < outputs; ++c) {
        const std::size_t slice = grid.steps.size() == 1 ? 0 : c;
        channels[c].zeroPoint = grid.zeroPoints[slice];
        const auto own = std::span(codes).subspan(c * perChannel, perChannel);
        for (std::int32_t& code : own) {
            code = grid.levels.empty() ? code : grid.levels[slice][static_cast<std::size_t>(code)];
        }
        reorder(own, conv.inputChannelsPerGroup, std::int64_t{conv.kernel[0]} * conv.kernel[1],
                channels[c].codes);
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

    /// `upper`: highest code of each channel, none above the rule's; empty: the rule's for all.
    void replaceFactorsByThresholds(IntegerConv& conv, std::span<const std::int32_t> upper) const {
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

/// Real value of one accumulator step by channel, without batch norm. `affine`: a gain that post-training gave the
/// weights; null: none.
void setSteps(std::vector<Channel>& channels, double inputScale, const WeightGrid& grid,
              const WeightAffine* affine) {
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].step = inputScale * grid.steps[grid.steps.size() == 1 ? 0 : c];
        if (affine != nullptr) {
            channels[c].step *= static_cast<double>(affine->gain[c]);
        }
    }
}

/// Biases on the accumulator's grid (README eq. 10).
void setBias(std::vector<Channel>& channels, const FloatTensor& bias, float inputScale) {
    if (!bias.defined()) {
        return;
    }
    QParams input;
    input.scale = {inputScale};
    QParams weight;
    for (const Channel& channel : channels) {
        weight.scale.push_back(static_cast<float>(channel.step / static_cast<double>(inputScale)));
    }
    const QuantizedBias quantized = quantizedBias(bias.values(), input, weight);
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].plainBias = quantized.codes[c];
    }
}

/// Integer channel normalisation (README eq. 66): the batch norm's scale r joins the channel's step, its shift and
/// the layer's bias become B = round((b + shift / r) / S). Channels whose B leaves int32 are returned with the value
/// they always have.
std::map<std::size_t, double> setNormalised(std::vector<Channel>& channels, const FloatTensor& bias,
                                            const BatchNormOp& norm) {
    const ChannelAffine affine = channelAffine(norm);
    std::map<std::size_t, double> constants;
    for (std::size_t c = 0; c < channels.size(); ++c) {
        const double own = bias.defined() ? static_cast<double>(bias.values()[c]) : 0.0;
        // Rounded to float32 as the fake-quantized model's accumulator grid is.
        const auto step = static_cast<double>(static_cast<float>(channels[c].step));
        const double code = roundTo((own + affine.shift[c] / affine.scale[c]) / step, Rounding::HalfEven);
        // Written so that a scale of zero (an infinite or undefined code) is a constant channel too.
        if (std::fabs(code) <= static_cast<double>(std::numeric_limits<std::int32_t>::max())) {
            channels[c].plainBias = static_cast<std::int64_t>(code);
            channels[c].step *= affine.scale[c];
        } else {
            constants[c] = affine.scale[c] * own + affine.shift[c];
        }
    }
    return constants;
}

void packChannels(IntegerConv& conv, std::span<const Channel> channels, const IntegerTensor& input,
                  const WeightGrid& grid) {
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
    conv.weights = PackedCodes(codes, bitsFor(grid.lower, grid.upper), grid.lower < 0);
}

/// Highest code of each output channel where the activation ends elsewhere in each and the grid alone does not see to
/// it; else empty. Integer models hold such ends in tables of thresholds.
std::vector<std::int32_t> upperCodes(const Layer& layer, const Operator* activation, const QParams& grid) {
    const auto* const clamp = activation == nullptr ? nullptr : std::get_if<ClampOp>(activation);
    if (clamp == nullptr || !clamp->isPerChannel() || gridImpliesClamp(grid, *clamp)) {
        return {};
    }
    constexpr int kTableBits = 4;
    if (const int bits = bitsFor(grid.quantMin, grid.quantMax); bits > kTableBits) {
        failLowering(
            ErrorCode::InvalidConfig, layer.id,
            "equalization gave its relu6 an upper end for each channel, which integer models hold for "
            "outputs of at most 4 bits, and it has " +
                std::to_string(bits) + "; set relu6 of 'cross_layer_equalization' to 'replace' or 'keep'");
    }
    const std::vector<float> ends(clamp->channelUpper.begin(), clamp->channelUpper.end());
    std::vector<std::int32_t> codes(ends.size());
    quantize(ends, codes, grid);
    return codes;
}

}  // namespace

const WeightAffine* Lowering::weightGain(const Layer& layer) const {
    const auto found = m_plan.weightAffine.find(layer.id);
    if (found == m_plan.weightAffine.end()) {
        return nullptr;
    }
    const std::vector<float>& shift = found->second.shift;
    if (std::any_of(shift.begin(), shift.end(), [](float x) { return x != 0; })) {
        failLowering(ErrorCode::InvalidConfig, layer.id,
                     "'weight_correction' moved its weights off their integer grid; use 'bias_correction' "
                     "instead, or keep "
                     "this layer out of it, or restore the deviation alone about zero (mean false, deviation "
                     "true, centre "
                     "\"zero\")");
    }
    return &found->second;
}

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
    const WeightGrid grid = weightGridOf(*weightGrid, layer);
    Output output = outputOf(layer);

    IntegerConv conv;
    conv.accumulatorScale = 0;
    const Operator& op = m_model.graph.node(layer.node).op;
    if (const auto* convolution = std::get_if<Conv2dOp>(&op)) {
        setGeometry(conv, *convolution);
    } else {
        setGeometry(conv, std::get<LinearOp>(op), input);
    }
    const BatchNormMode mode = m_plan.batchNormMode(layer.id);
    std::vector<Channel> channels =
        weightChannels(weightsToQuantize(m_model, layer, mode), *weightGrid, grid, conv);
    setSteps(channels, input.scale, grid, weightGain(layer));
    const bool isNormalised =
        layer.batchNorm >= 0 && (mode == BatchNormMode::Icn || mode == BatchNormMode::NotFolded);
    const FloatTensor bias = biasToQuantize(m_model, layer, mode);
    std::map<std::size_t, double> constants;
    if (isNormalised) {
        constants =
            setNormalised(channels, bias, std::get<BatchNormOp>(m_model.graph.node(layer.batchNorm).op));
    } else {
        setBias(channels, bias, static_cast<float>(input.scale));
    }

    const WeightedLowering parts(layer, input, m_options);
    conv.output = output.rule;
    const Operator* const activation = activationOf(layer);
    const bool isClamped = activation == nullptr || std::holds_alternative<ClampOp>(*activation);
    if (!constants.empty() && (output.grid == nullptr || !isClamped)) {
        failLowering(
            ErrorCode::UnsupportedOperator, layer.id,
            "output channel " + std::to_string(constants.begin()->first) +
                " has a batch norm of scale zero, and its output is not quantized behind a clamp; fold the "
                "batch norm of this layer");
    }
    for (const auto& [channel, value] : constants) {
        const auto real = static_cast<float>(value);
        std::int32_t code = 0;
        quantize({&real, 1}, {&code, 1}, *output.grid);
        makeConstant(channels[channel], std::clamp(code, output.rule.lower, output.rule.upper), output.rule,
                     static_cast<double>(output.scale));
    }
    if (output.grid != nullptr && isClamped) {
        parts.freezeConstantChannels(channels, output.rule, static_cast<double>(output.scale));
    }
    parts.requireInt32(channels);
    packChannels(conv, channels, input, grid);

    const int target = addOutputTensor(layer, output);
    if (output.grid == nullptr) {
        m_graph.tensors[static_cast<std::size_t>(target)].scale = parts.setLogits(conv, channels);
    } else if (!isClamped) {
        parts.setActivationThresholds(conv, channels, *activation, *output.grid);
    } else {
        parts.setFactors(conv, channels, static_cast<double>(output.scale));
        const std::vector<std::int32_t> upper = upperCodes(layer, activation, *output.grid);
        if (!upper.empty() || (m_options.thresholds && m_graph.tensor(target).bits <= 4)) {
            parts.replaceFactorsByThresholds(conv, upper);
        }
    }
    add(layer, std::move(conv), {inputIndex}, target);
}

}  // namespace bitlathe::core
