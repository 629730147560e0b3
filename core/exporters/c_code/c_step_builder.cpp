#include "core/exporters/c_code/c_step_builder.h"

#include "core/types/error.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr int kShortestShift = 33;  ///< of BL_SHORT: the high product and one bit more
constexpr std::int64_t kLargestAccumulator = std::numeric_limits<std::int32_t>::max();

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

std::string shapeText(const IntegerTensor& tensor) {
    return "{" + std::to_string(tensor.rows) + ", " + std::to_string(tensor.columns) + ", " +
           std::to_string(tensor.channels) + ", " + std::to_string(tensor.bits) + "}";
}

}  // namespace

std::int64_t storedCode(std::int64_t code, const IntegerTensor& tensor) {
    return tensor.bits == 32 ? code : code - tensor.lowestCode();
}

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
    rule.zero = storedCode(requantization.zeroPoint, output());
    rule.lower = storedCode(requantization.lower, output());
    rule.upper = storedCode(requantization.upper, output());
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
        bases.push_back(storedCode(channel.base, this->output()));
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

}  // namespace bitlathe::core
