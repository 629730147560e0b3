#include "core/exporters/c_code/c_step_builder.h"

#include "core/types/error.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr int kShortestShift = 33;  ///< of BL_SHORT: the high product and one bit more
constexpr int kMostPreShift = 30;
constexpr std::int64_t kLargestAccumulator = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLargestCode = 255;
constexpr std::int64_t kLargestProduct = kLargestCode * kLargestCode;
constexpr std::int64_t kLargestOffset = std::int64_t{1} << 30;
constexpr std::int64_t kMostColumns = 16384;  ///< blocks of four bits accumulate 16 times the sum in 32 bits

std::string text(std::int64_t value) {
    // The smallest int has no literal of its own.
    return value == std::numeric_limits<std::int32_t>::min() ? "(-2147483647 - 1)" : std::to_string(value);
}

std::string_view wideName(Rounding rounding) {
    switch (rounding) {
    case Rounding::Floor:
        return "BL_FLOOR";
    case Rounding::HalfUp:
        return "BL_HALF_UP";
    case Rounding::HalfAway:
        return "BL_HALF_AWAY";
    case Rounding::HalfEven:
        return "BL_HALF_EVEN";
    }
    return "BL_FLOOR";
}

/// Codes in memory are unsigned: the lowest is 0.
std::int64_t stored(std::int64_t code, const IntegerTensor& tensor) {
    return tensor.bits == 32 ? code : code - tensor.lowestCode();
}

std::string shapeText(const IntegerTensor& tensor) {
    return "{" + std::to_string(tensor.rows) + ", " + std::to_string(tensor.columns) + ", " +
           std::to_string(tensor.channels) + ", " + std::to_string(tensor.bits) + "}";
}

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

/// Whether some accumulator up to `largest` lies exactly between two codes:
///   a m = (2j + 1) 2^(n-1) has a solution from a = 2^(n-1-z) on, z the zero bits at the end of m.
bool canTie(const FixedFactor& factor, std::int64_t largest) {
    if (factor.mantissa == 0) {
        return false;
    }
    const int zeros = std::countr_zero(static_cast<std::uint32_t>(factor.mantissa));
    const int least = std::max(0, 30 - factor.exponent - zeros);
    return least < 62 && (std::int64_t{1} << least) <= largest;
}

/// The same codes by factors that the short rule takes, as far as there are any.
///  - A channel that reads nothing but its bias gives one code: accumulator 8 (code - zero), factor 1/8.
///  - Where no accumulator lies between two codes, rounding half up is every rounding to nearest.
IntegerConv simplified(IntegerConv conv) {
    Requantization& output = conv.output;
    const bool isPerChannel = output.factors.size() == static_cast<std::size_t>(conv.outputChannels);
    for (std::size_t c = 0; isPerChannel && c < output.factors.size(); ++c) {
        if (isConstant(conv, c)) {
            const std::int32_t code = requantize(conv.bias[c], output.factors[c], output.rounding,
                                                 output.zeroPoint, output.lower, output.upper);
            const std::int64_t steps = 8 * (std::int64_t{code} - output.zeroPoint);
            if (std::abs(steps) < kLargestOffset) {
                conv.bias[c] = static_cast<std::int32_t>(steps);
                output.factors[c] = {1 << 30, -2};
            }
        }
    }
    if (output.rounding != Rounding::Floor && !output.factors.empty()) {
        bool hasTies = false;
        for (std::size_t c = 0; c < output.factors.size(); ++c) {
            const bool isFixed = isPerChannel && isConstant(conv, c);
            hasTies = hasTies || (!isFixed && canTie(output.factors[c], conv.accumulatorBound));
        }
        output.rounding = hasTies ? output.rounding : Rounding::HalfUp;
    }
    return conv;
}

}  // namespace

struct CStepBuilder::Rule {
    std::string name;  ///< "BL_SHORT"
    bool isPerChannel = false;
    bool rounds = false;
    std::vector<std::int64_t> multipliers;
    std::vector<std::int64_t> shifts;  ///< as the table holds them
    int preShift = 0;
    std::int64_t zero = 0;
    std::int64_t lower = 0;
    std::int64_t upper = 0;
};

CStepBuilder::CStepBuilder(CNetwork& network, CNames& names, std::size_t layerIndex)
    : m_network(network), m_names(names), m_layer(network.graph.layers[layerIndex]) {
    m_step.layerIndex = layerIndex;
    m_step.layer = m_layer.id.str();
    m_step.variable = names.unique(m_step.layer);
    m_step.inputs = m_layer.inputs;
    m_step.output = m_layer.output;
}

void CStepBuilder::add() {
    for (const int index : {m_layer.inputs.front(), m_layer.output}) {
        const IntegerTensor& tensor = m_network.graph.tensor(index);
        if (std::max({tensor.rows, tensor.columns, tensor.channels}) >
            std::numeric_limits<std::uint16_t>::max()) {
            refuse("has a tensor with a side beyond 65535");
        }
    }
    std::visit([this](const auto& op) { addOp(op); }, m_layer.op);
}

const IntegerTensor& CStepBuilder::input(std::size_t index) const {
    return m_network.graph.tensor(m_layer.inputs[index]);
}

const IntegerTensor& CStepBuilder::output() const {
    return m_network.graph.tensor(m_layer.output);
}

void CStepBuilder::refuse(const std::string& why) const {
    throw Error(ErrorCode::UnsupportedOperator,
                "C export: layer '" + m_layer.id.str() + "' " + why + "; the C kernels do not go that far");
}

std::string CStepBuilder::table(CTable::Kind kind, CTable::Type type, const std::string& suffix,
                                std::vector<std::int64_t> values) {
    CTable table{m_names.unique(m_step.variable + "_" + suffix), kind, type, std::move(values), 0};
    table.used = table.values.size();
    while (table.bytes() % 4 != 0) {
        table.values.push_back(0);
    }
    (kind == CTable::Kind::Weights      ? m_step.weightBytes
     : kind == CTable::Kind::Parameters ? m_step.parameterBytes
                                        : m_step.constantBytes) += table.bytes();
    m_network.tables.push_back(std::move(table));
    return m_network.tables.back().name;
}

void CStepBuilder::field(const std::string& name, const std::string& value) {
    m_step.fields.push_back("." + name + " = " + value);
}

void CStepBuilder::field(const std::string& name, std::int64_t value) {
    field(name, text(value));
}

void CStepBuilder::shapeField(const std::string& name, const IntegerTensor& tensor) {
    field(name, shapeText(tensor));
}

void CStepBuilder::finish() {
    m_network.steps.push_back(std::move(m_step));
}

CStepBuilder::Rule CStepBuilder::ruleOf(const Requantization& requantization, std::int64_t largest,
                                        int mostPreShift) const {
    Rule rule;
    rule.zero = stored(requantization.zeroPoint, output());
    rule.lower = stored(requantization.lower, output());
    rule.upper = stored(requantization.upper, output());
    if (!requantization.thresholds.empty()) {
        rule.name = "BL_THRESHOLDS";
        m_network.features.insert("BL_HAS_THRESHOLDS");
        return rule;
    }
    if (requantization.factors.empty()) {
        rule.name = "BL_ACCUMULATOR";
        return rule;
    }
    rule.isPerChannel = requantization.factors.size() > 1;
    rule.rounds = requantization.rounding == Rounding::HalfUp;
    for (const FixedFactor& factor : requantization.factors) {
        rule.multipliers.push_back(factor.mantissa);
        rule.shifts.push_back(factor.mantissa == 0 ? kShortestShift : 31 - factor.exponent);
    }
    const auto [least, most] = std::minmax_element(rule.shifts.begin(), rule.shifts.end());
    const int preShift = static_cast<int>(std::max<std::int64_t>(0, kShortestShift - *least));
    const std::int64_t offset = std::abs(2 * rule.zero + (rule.rounds ? 1 : 0));
    const bool isShort =
        (rule.rounds || requantization.rounding == Rounding::Floor) && output().bits <= 8 &&
        preShift <= mostPreShift && largest <= (kLargestAccumulator >> preShift) &&
        offset < (kLargestOffset >> std::min<std::int64_t>(*most + preShift - kShortestShift, 62));
    rule.name = isShort ? "BL_SHORT" : std::string(wideName(requantization.rounding));
    if (isShort) {
        rule.preShift = preShift;
        for (std::int64_t& shift : rule.shifts) {
            shift += preShift - kShortestShift;
        }
    } else {
        m_network.features.insert("BL_HAS_WIDE");
    }
    return rule;
}

void CStepBuilder::setOutput(const Rule& rule, const std::string& multipliers, const std::string& shifts,
                             const std::string& zero) {
    const bool isClamped = rule.lower != 0 || rule.upper != 255;
    field("output", "{" + multipliers + ", " + shifts + ", " + (rule.isPerChannel ? "1" : "0") + ", " +
                        rule.name + ", " + (rule.rounds ? "1" : "0") + ", " + std::to_string(rule.preShift) +
                        ", " + (isClamped ? "1" : "0") + ", " + zero + ", " + text(rule.lower) + ", " +
                        text(rule.upper) + "}");
}

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
    std::vector<std::int64_t> words{stored(input().zeroPoint, input()), rule.zero};
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

bool CStepBuilder::canUseCmsisNn(const IntegerConv& conv) const {
    const int bits = conv.weights.bits();
    const bool isSymmetric =
        conv.weights.isSigned() && std::all_of(conv.weightZeroPoints.begin(), conv.weightZeroPoints.end(),
                                               [](std::int32_t zero) { return zero == 0; });
    // Two 4-bit weights share a byte: rows of an odd number would begin in the middle of one.
    const bool isWhole =
        bits == 8 || (conv.isDepthwise() ? conv.outputChannels : conv.weightsPerChannel()) % 2 == 0;
    // Padding as in "same": CMSIS-NN's 3x3 kernel is wrong where it is all below and to the right.
    const auto isUsual = [](int before, int after) { return after == before || after == before + 1; };
    const bool isPlain = (conv.dilation == std::array{1, 1} || bits == 8) &&
                         isUsual(conv.padding[0], conv.padding[2]) &&
                         isUsual(conv.padding[1], conv.padding[3]);
    return m_network.backend == CBackend::CmsisNn && (bits == 8 || bits == 4) && isSymmetric && isWhole &&
           isPlain && input().bits == 8 && output().bits == 8 && !conv.output.factors.empty() &&
           conv.output.rounding != Rounding::Floor && (conv.groups == 1 || conv.isDepthwise());
}

void CStepBuilder::addCmsisNn(const IntegerConv& conv) {
    const int bits = conv.weights.bits();
    const bool isDepthwise = conv.isDepthwise();
    const auto channels = static_cast<std::size_t>(conv.outputChannels);
    const auto perChannel = static_cast<std::size_t>(conv.weightsPerChannel());
    std::vector<std::int32_t> codes(channels * perChannel);
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < perChannel; ++i) {
            codes[isDepthwise ? i * channels + c : c * perChannel + i] =
                conv.weights[static_cast<std::int64_t>(c * perChannel + i)];
        }
    }
    const PackedCodes packed(codes, bits, true);
    std::vector<std::int64_t> weights;
    for (const std::uint8_t byte : packed.bytes()) {
        weights.push_back(static_cast<std::int8_t>(byte));
    }
    // Codes less 128: those of signed bytes. The bias there is the one without the input's zero point.
    const std::int64_t inputZero = stored(input().zeroPoint, input()) - 128;
    const std::vector<std::int32_t> bias = plainBias(conv, input().zeroPoint);
    std::vector<std::int64_t> words(bias.begin(), bias.end());
    for (std::size_t c = 0; c < channels; ++c) {
        words.push_back(conv.output.factor(c).mantissa);
    }
    for (std::size_t c = 0; c < channels; ++c) {
        words.push_back(conv.output.factor(c).exponent);
    }
    m_step.function = "bl_run_cmsis_conv";
    m_step.structType = "bl_cmsis_conv";
    m_step.kernel = "CMSIS-NN, " + std::to_string(bits) + "-bit weights";
    // What CMSIS-NN asks for on a Cortex-M with DSP: two columns of 16 bits, depthwise one for all channels.
    const std::int64_t columns = (conv.weightsPerChannel() + 3) / 4 * 4;
    const std::int64_t buffer = isDepthwise ? 2 * columns * conv.outputChannels : 4 * columns;
    m_step.scratchBytes = (input().elements() + 3) / 4 * 4 + buffer;
    m_network.features.insert("BL_HAS_CMSIS_NN");
    m_network.features.insert("BL_HAS_CMSIS_NN" + std::to_string(bits));
    shapeField("in", input());
    shapeField("out", output());
    addWindow(conv);
    field("weight_bits", bits);
    field("is_depthwise", isDepthwise ? 1 : 0);
    field("weights", table(CTable::Kind::Weights, CTable::Type::Int8, "weights", std::move(weights)));
    const std::string n = table(CTable::Kind::Parameters, CTable::Type::Int32, "words", std::move(words));
    field("bias", n);
    field("multipliers", n + " + " + std::to_string(channels));
    field("shifts", n + " + " + std::to_string(2 * channels));
    field("input_offset", -inputZero);
    field("output_offset", stored(conv.output.zeroPoint, output()) - 128);
    field("lower", stored(conv.output.lower, output()) - 128);
    field("upper", stored(conv.output.upper, output()) - 128);
    field("buffer_bytes", buffer);
    finish();
}

void CStepBuilder::addThresholds(const Requantization& output) {
    std::size_t count = 0;
    for (const ChannelThresholds& channel : output.thresholds) {
        count = std::max(count, channel.bounds.size());
    }
    std::vector<std::int64_t> bounds;
    std::vector<std::int64_t> bases;
    std::vector<std::int64_t> steps;
    for (const ChannelThresholds& channel : output.thresholds) {
        bounds.insert(bounds.end(), channel.bounds.begin(), channel.bounds.end());
        bounds.insert(bounds.end(), count - channel.bounds.size(), std::numeric_limits<std::int32_t>::max());
        bases.push_back(stored(channel.base, this->output()));
        steps.push_back(channel.step);
    }
    const std::string variable = m_names.unique(m_step.variable + "_thresholds");
    CExtra extra{"bl_thresholds", variable, {}};
    extra.fields.push_back(".bounds = " +
                           table(CTable::Kind::Parameters, CTable::Type::Int32, "bounds", bounds));
    extra.fields.push_back(".bases = " +
                           table(CTable::Kind::Parameters, CTable::Type::Uint8, "bases", bases));
    extra.fields.push_back(".steps = " + table(CTable::Kind::Parameters, CTable::Type::Int8, "steps", steps));
    extra.fields.push_back(".count = " + std::to_string(count));
    m_network.extras.push_back(std::move(extra));
    field("thresholds", "&" + variable);
}

void CStepBuilder::addBinary(const Requantization& requantization, const std::string& function, bool isSum) {
    const Rule rule = ruleOf(requantization, kLargestProduct, isSum ? kNeverShort : kMostPreShift);
    m_step.function = function;
    m_step.structType = "bl_binary";
    m_step.kernel = isSum ? "sum" : "product";
    std::vector<std::int64_t> words{stored(input(0).zeroPoint, input(0)),
                                    stored(input(1).zeroPoint, input(1)), rule.zero};
    words.insert(words.end(), rule.multipliers.begin(), rule.multipliers.end());
    std::vector<std::int64_t> bytes(isSum ? 8 : 4, 0);
    bytes[0] = rule.shifts.front();
    const std::string n = table(CTable::Kind::Parameters, CTable::Type::Int32, "words", std::move(words));
    const std::string b = table(CTable::Kind::Parameters, CTable::Type::Uint8, "bytes", std::move(bytes));
    shapeField("a", input(0));
    shapeField("b", input(1));
    shapeField("out", output());
    field("input_zeros", n);
    setOutput(rule, n + " + 3", b, n + " + 2");
    finish();
}

void CStepBuilder::addOp(const IntegerAdd& op) {
    m_network.features.insert("BL_HAS_ADD");
    addBinary(op.output, "bl_run_add", true);
}

void CStepBuilder::addOp(const IntegerMul& op) {
    m_network.features.insert("BL_HAS_MUL");
    addBinary(op.output, "bl_run_mul", false);
}

void CStepBuilder::addRescale(const Requantization& requantization, std::size_t which, int firstChannel) {
    const Rule rule = ruleOf(requantization, kLargestCode, kMostPreShift);
    m_network.features.insert("BL_HAS_RESCALE");
    m_step.inputs = {m_layer.inputs[which]};
    m_step.function = "bl_run_rescale";
    m_step.structType = "bl_rescale";
    m_step.kernel = "change of grid";
    const std::string n =
        table(CTable::Kind::Parameters, CTable::Type::Int32, "words",
              {stored(input(which).zeroPoint, input(which)), rule.zero, rule.multipliers.front()});
    const std::string b =
        table(CTable::Kind::Parameters, CTable::Type::Uint8, "bytes", {rule.shifts.front()});
    shapeField("in", input(which));
    shapeField("out", output());
    field("first_channel", firstChannel);
    field("in_zero", n);
    setOutput(rule, n + " + 2", b, n + " + 1");
}

void CStepBuilder::addOp(const IntegerRescale& op) {
    addRescale(op.output, 0, 0);
    finish();
}

void CStepBuilder::addOp(const IntegerConcat& op) {
    const CStep empty = m_step;
    int channel = 0;
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
        m_step = empty;
        m_step.variable = m_names.unique(empty.variable + "_" + std::to_string(i));
        addRescale(op.outputs[i], i, channel);
        m_step.kernel = "part of a concat";
        channel += input(i).channels;
        finish();
    }
}

void CStepBuilder::addPool(const std::string& function, const std::array<int, 2>& kernel,
                           const std::array<int, 2>& stride, const std::array<int, 4>& padding) {
    m_step.function = function;
    m_step.structType = "bl_pool";
    shapeField("in", input());
    shapeField("out", output());
    const std::array<std::pair<const char*, int>, 8> numbers{{{"window_rows", kernel[0]},
                                                              {"window_columns", kernel[1]},
                                                              {"stride_rows", stride[0]},
                                                              {"stride_columns", stride[1]},
                                                              {"pad_top", padding[0]},
                                                              {"pad_left", padding[1]},
                                                              {"pad_bottom", padding[2]},
                                                              {"pad_right", padding[3]}}};
    for (const auto& [name, value] : numbers) {
        const bool isWindow = std::string_view(name).starts_with("window");
        if (value > (isWindow ? std::numeric_limits<std::uint16_t>::max()
                              : std::numeric_limits<std::uint8_t>::max())) {
            refuse(std::string("has ") + name + " = " + std::to_string(value));
        }
        field(name, value);
    }
}

void CStepBuilder::addOp(const IntegerMaxPool& op) {
    m_network.features.insert("BL_HAS_MAX_POOL");
    addPool("bl_run_max_pool", op.kernel, op.stride, op.padding);
    m_step.kernel = "maximum";
    finish();
}

void CStepBuilder::addOp(const IntegerAveragePool& op) {
    m_network.features.insert("BL_HAS_AVERAGE_POOL");
    // A global window steps over the whole image; its stride is never taken.
    const std::array<int, 2> stride{output().rows == 1 ? 1 : op.stride[0],
                                    output().columns == 1 ? 1 : op.stride[1]};
    addPool("bl_run_average_pool", op.kernel, stride, op.padding);
    m_step.kernel = "average";
    Rule rule = ruleOf(op.output, std::int64_t{kLargestCode} * op.kernel[0] * op.kernel[1], kMostPreShift);
    std::vector<std::int64_t> words{stored(input().zeroPoint, input()), rule.zero};
    words.insert(words.end(), rule.multipliers.begin(), rule.multipliers.end());
    const std::string n = table(CTable::Kind::Parameters, CTable::Type::Int32, "words", std::move(words));
    const std::string b = table(CTable::Kind::Parameters, CTable::Type::Uint8, "bytes", rule.shifts);
    field("counts_padding", op.countIncludePad ? 1 : 0);
    field("divisor_count", static_cast<std::int64_t>(op.divisors.size()));
    if (op.divisors.size() > 1) {
        field("divisors", table(CTable::Kind::Parameters, CTable::Type::Uint16, "divisors",
                                {op.divisors.begin(), op.divisors.end()}));
    }
    field("in_zero", n);
    setOutput(rule, n + " + 2", b, n + " + 1");
    finish();
}

void CStepBuilder::addOp(const IntegerLookup& op) {
    m_network.features.insert("BL_HAS_LOOKUP");
    m_step.function = "bl_run_lookup";
    m_step.structType = "bl_lookup";
    m_step.kernel = "table";
    std::vector<std::int64_t> values;
    for (const std::int16_t code : op.table) {
        values.push_back(stored(code, output()));
    }
    shapeField("in", input());
    shapeField("out", output());
    field("table", table(CTable::Kind::Constants, CTable::Type::Uint8, "table", std::move(values)));
    finish();
}

void CStepBuilder::addOp(const IntegerFlatten&) {
    m_network.features.insert("BL_HAS_FLATTEN");
    m_step.function = "bl_run_flatten";
    m_step.structType = "bl_flatten";
    m_step.kernel = "order of a flatten";
    shapeField("in", input());
    shapeField("out", output());
    finish();
}

}  // namespace bitlathe::core
