#include "core/exporters/c_code/c_step_builder.h"
#include "core/types/error.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

// Convolutions and linear layers on the kernels of this folder.
namespace bitlathe::core {

namespace {

constexpr std::int64_t kMostColumns = 16384;  ///< blocks of four bits accumulate 16 times the sum in 32 bits
constexpr std::int64_t kLargestSteps = std::int64_t{1} << 30;

/// How far weights less their zero point may be shifted up within 16 bits.
int weightHeadroom(const IntegerConv& conv) {
    std::int32_t largest = 1;
    const std::int64_t perChannel = conv.weightsPerChannel();
    for (std::int64_t i = 0; i < conv.weights.size(); ++i) {
        const std::int32_t weight =
            conv.weights[i] - conv.weightZeroPoint(static_cast<std::size_t>(i / perChannel));
        largest = std::max(largest, std::abs(weight));
    }
    int shifts = 0;
    while ((largest << (shifts + 1)) <= std::numeric_limits<std::int16_t>::max()) {
        ++shifts;
    }
    return shifts;
}

bool isConstant(const IntegerConv& conv, std::size_t channel) {
    const std::int64_t perChannel = conv.weightsPerChannel();
    const std::int64_t first = static_cast<std::int64_t>(channel) * perChannel;
    for (std::int64_t i = first; i < first + perChannel; ++i) {
        if (conv.weights[i] != conv.weightZeroPoint(channel)) {
            return false;
        }
    }
    return true;
}

/// The same codes by factors that the short rule takes: a channel that reads nothing but its bias gives one code,
/// accumulator 8 (code - zero), factor 1/8.
IntegerConv simplified(IntegerConv conv) {
    Requantization& output = conv.output;
    const bool isPerChannel = output.factors.size() == static_cast<std::size_t>(conv.outputChannels);
    for (std::size_t c = 0; isPerChannel && c < output.factors.size(); ++c) {
        if (isConstant(conv, c)) {
            const std::int32_t code = requantize(conv.bias[c], output.factors[c], output.rounding,
                                                 output.zeroPoint, output.lower, output.upper);
            const std::int64_t steps = 8 * (std::int64_t{code} - output.zeroPoint);
            if (std::abs(steps) < kLargestSteps) {
                conv.bias[c] = static_cast<std::int32_t>(steps);
                output.factors[c] = {1 << 30, -2};
            }
        }
    }
    return conv;
}

}  // namespace

void CStepBuilder::addOp(const IntegerConv& given) {
    if (canUseCmsisNn(given)) {
        return addCmsisNn(given);
    }
    const IntegerConv conv = simplified(given);
    const std::int64_t columns = conv.weightsPerChannel();
    const bool is3x3 = conv.isDepthwise() && conv.kernel == std::array{3, 3} &&
                       conv.dilation == std::array{1, 1} && conv.stride[0] == conv.stride[1] &&
                       conv.stride[0] <= 2 && conv.outputChannels % 4 == 0;
    // Products of unsigned codes, which lie up to twice as far from zero as signed ones.
    const Rule rule =
        ruleOf(conv.output, 2 * conv.accumulatorBound, is3x3 ? weightHeadroom(conv) : kMostPreShift);
    const bool isDepthwise3 = is3x3 && rule.name == "BL_SHORT";
    const bool isBlocked = conv.groups == 1 && columns <= kMostColumns;
    for (const int side : {conv.stride[0], conv.stride[1], conv.padding[0], conv.padding[1], conv.dilation[0],
                           conv.dilation[1], conv.kernel[0], conv.kernel[1]}) {
        if (side > std::numeric_limits<std::uint8_t>::max()) {
            refuse("has a window, stride, padding or dilation of " + std::to_string(side));
        }
    }
    const int bits = conv.weights.bits();
    const std::string bitsText = std::to_string(bits) + "-bit weights";
    if (isDepthwise3) {
        const std::int64_t steps = conv.stride[0] == 1 ? (output().columns + 1) / 2 : output().columns;
        const bool isDirect = output().bits == 8 && rule.lower == 0 && rule.upper == 255 &&
                              (conv.stride[0] == 2 || output().columns % 2 == 0);
        const std::int64_t rowBytes = 4 * (conv.stride[0] == 1 ? 2 * steps : steps);
        m_step.function = "bl_run_depthwise3";
        m_step.kernel = "depthwise 3x3, " + bitsText;
        m_step.scratchBytes = 4 * (4 * 3 * (steps + 1)) + (isDirect ? 0 : rowBytes);
        m_network.features.insert("BL_HAS_DEPTHWISE3");
        m_network.features.insert(conv.stride[0] == 1 ? "BL_HAS_STRIDE1" : "BL_HAS_STRIDE2");
        m_network.features.insert(bits == 8 ? "BL_HAS_DW8" : "BL_HAS_DW_NARROW");
    } else if (isBlocked) {
        const std::int64_t fours = columns / 4 * 4;
        const bool isDirect = input().channels % 4 == 0;
        const bool isOther = bits != 8 && bits != 4 && bits != 2;
        m_step.function = "bl_run_conv";
        m_step.kernel = "blocks of 2x4, " + bitsText;
        m_step.scratchBytes = 4 * (fours + 2 * (columns - fours)) +
                              (isDirect && !isOther ? 0 : (columns + 3) / 4 * 4) + (isOther ? 4 * fours : 0);
        m_network.features.insert("BL_HAS_CONV");
        if (columns % 4 != 0) {
            m_network.features.insert("BL_HAS_LEFT_COLUMNS");
        }
        if (conv.outputChannels % 4 != 0 || rule.name != "BL_SHORT") {
            m_network.features.insert("BL_HAS_SINGLES");
        }
        m_network.features.insert(isOther ? "BL_HAS_W_OTHER" : "BL_HAS_W" + std::to_string(bits));
    } else {
        m_step.function = "bl_run_conv_any";
        m_step.kernel = "one by one, " + bitsText;
        m_network.features.insert("BL_HAS_CONV_ANY");
    }
    m_step.structType = "bl_conv";
    shapeField("in", input());
    shapeField("out", output());
    addWindow(conv);
    if (m_step.function == "bl_run_conv_any") {
        field("group_inputs", conv.inputChannelsPerGroup);
        field("group_outputs", conv.outputChannels / conv.groups);
    }
    addConvTables(
        conv,
        orderWeights(conv, isBlocked && !isDepthwise3 ? WeightOrder::Blocks : WeightOrder::AsIs, m_layer.id),
        rule);
    finish();
}

void CStepBuilder::addWindow(const IntegerConv& conv) {
    const auto& [top, left, bottom, right] = conv.padding;
    static_cast<void>(bottom);  // the output's size tells
    static_cast<void>(right);
    std::string window = "{";
    for (const int side :
         {conv.kernel[0], conv.kernel[1], conv.stride[0], conv.stride[1], top, left, conv.dilation[0]}) {
        window += std::to_string(side) + ", ";
    }
    field("window", window + std::to_string(conv.dilation[1]) + "}");
}

void CStepBuilder::addConvTables(const IntegerConv& conv, const OrderedWeights& weights, const Rule& rule) {
    const bool isPerChannel = rule.isPerChannel;
    const std::size_t channels = conv.bias.size();
    // Raw codes of the integer model are signed where the tensor is: their offset goes into the bias.
    const std::int64_t offset = input().lowestCode();
    const std::int64_t perChannel = conv.weightsPerChannel();
    std::vector<std::int64_t> words{storedCode(input().zeroPoint, input()), rule.zero};
    if (!isPerChannel) {
        words.push_back(rule.multipliers.empty() ? 0 : rule.multipliers.front());
    }
    const std::size_t biasAt = words.size();
    for (std::size_t c = 0; c < channels; ++c) {
        std::int64_t bias = conv.bias[c];
        for (std::int64_t i = 0; offset != 0 && i < perChannel; ++i) {
            bias += offset *
                    (conv.weights[static_cast<std::int64_t>(c) * perChannel + i] - conv.weightZeroPoint(c));
        }
        words.push_back(bias);
    }
    if (isPerChannel) {
        words.insert(words.end(), rule.multipliers.begin(), rule.multipliers.end());
    }
    std::vector<std::int64_t> bytes = isPerChannel ? rule.shifts : std::vector<std::int64_t>(4, 0);
    if (!isPerChannel && !rule.shifts.empty()) {
        bytes[0] = rule.shifts.front();
    }
    const std::size_t zerosAt = bytes.size();
    bytes.insert(bytes.end(), weights.zeroPoints.begin(), weights.zeroPoints.end());

    const std::string w = table(CTable::Kind::Weights, CTable::Type::Uint8, "weights",
                                {weights.bytes.begin(), weights.bytes.end()});
    const std::string n = table(CTable::Kind::Parameters, CTable::Type::Int32, "words", std::move(words));
    const std::string b = table(CTable::Kind::Parameters, CTable::Type::Uint8, "bytes", std::move(bytes));
    field("weight_bits", conv.weights.bits());
    field("has_weight_zeros", weights.hasZeroPoints ? 1 : 0);
    field("zero_per_channel", weights.zeroPoints.size() > 1 ? 1 : 0);
    field("weights", w);
    field("weight_zeros", b + " + " + std::to_string(zerosAt));
    field("bias", n + " + " + std::to_string(biasAt));
    field("input_zero", n);
    const std::string multipliers = isPerChannel ? n + " + " + std::to_string(biasAt + channels) : n + " + 2";
    setOutput(rule, multipliers, b, n + " + 1");
    if (rule.name == "BL_THRESHOLDS") {
        addThresholds(conv.output);
    }
}

}  // namespace bitlathe::core
