#include "core/exporters/c_code/c_step_builder.h"

#include <limits>
#include <utility>

// Layers without weights: sums, products, pools, changes of grid, tables, orders.
namespace bitlathe::core {

namespace {

constexpr std::int64_t kLargestProduct = std::int64_t{255} * 255;

}  // namespace

void CStepBuilder::addBinary(const Requantization& requantization, const std::string& function, bool isSum) {
    const Rule rule = ruleOf(requantization, kLargestProduct, isSum ? kNeverShort : kMostPreShift);
    m_step.function = function;
    m_step.structType = "bl_binary";
    m_step.kernel = isSum ? "sum" : "product";
    std::vector<std::int64_t> words{storedCode(input(0).zeroPoint, input(0)),
                                    storedCode(input(1).zeroPoint, input(1)), rule.zero};
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
              {storedCode(input(which).zeroPoint, input(which)), rule.zero, rule.multipliers.front()});
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
    std::vector<std::int64_t> words{storedCode(input().zeroPoint, input()), rule.zero};
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
        values.push_back(storedCode(code, output()));
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
