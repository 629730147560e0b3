#include "core/deploy/channel_outputs.h"
#include "core/deploy/lowering.h"
#include "core/deploy/weight_channels.h"
#include "core/plan/clamp_in_grid.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <map>
#include <utility>

namespace bitlathe::core {

namespace {

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

    const ChannelOutputs parts(layer, input);
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
