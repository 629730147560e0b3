#include "core/deploy/weight_channels.h"

#include "core/deploy/lowering.h"
#include "core/graph/batch_norm.h"
#include "core/plan/quantized_bias.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace bitlathe::core {

namespace {

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

}  // namespace

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

void makeConstant(Channel& channel, std::int32_t code, const Requantization& rule, double outputScale) {
    std::fill(channel.codes.begin(), channel.codes.end(), channel.zeroPoint);
    channel.plainBias = code - rule.zeroPoint;
    channel.step = outputScale;
}

void setSteps(std::vector<Channel>& channels, double inputScale, const WeightGrid& grid,
              const WeightAffine* affine) {
    for (std::size_t c = 0; c < channels.size(); ++c) {
        channels[c].step = inputScale * grid.steps[grid.steps.size() == 1 ? 0 : c];
        if (affine != nullptr) {
            channels[c].step *= static_cast<double>(affine->gain[c]);
        }
    }
}

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

}  // namespace bitlathe::core
