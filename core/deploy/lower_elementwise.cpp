#include "core/deploy/lowering.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>
#include <span>
#include <utility>

namespace bitlathe::core {

namespace {

/// Largest |x - zero point|.
std::int64_t reach(const IntegerTensor& tensor) {
    return std::max(std::abs(tensor.lowestCode() - tensor.zeroPoint),
                    std::abs(tensor.highestCode() - tensor.zeroPoint));
}

void requireClampOnly(const Layer& layer, const Operator* activation) {
    if (activation != nullptr && !std::holds_alternative<ClampOp>(*activation)) {
        failLowering(ErrorCode::UnsupportedOperator, layer.id,
                     "activation '" + std::string(operatorName(*activation)) +
                         "' behind it has no integer form; use relu or relu6");
    }
}

/// Whether some pair of codes makes a sum that lies halfway between two output codes: every pair is tried.
bool sumsCanTie(const IntegerTensor& a, const IntegerTensor& b, std::span<const FixedFactor> factors) {
    const int shift = 31 - factors[0].exponent;
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    const std::int64_t mask = (std::int64_t{1} << shift) - 1;
    for (std::int64_t x = a.lowestCode() - a.zeroPoint; x <= a.highestCode() - a.zeroPoint; ++x) {
        for (std::int64_t y = b.lowestCode() - b.zeroPoint; y <= b.highestCode() - b.zeroPoint; ++y) {
            if (((x * factors[0].mantissa + y * factors[1].mantissa) & mask) == half) {
                return true;
            }
        }
    }
    return false;
}

/// Both factors on the larger one's exponent.
std::vector<FixedFactor> alignedFactors(double a, double b, const LayerId& layer) {
    std::vector<FixedFactor> factors{requantizationFactor(a, layer), requantizationFactor(b, layer)};
    FixedFactor& smaller = factors[0].exponent < factors[1].exponent ? factors[0] : factors[1];
    const int exponent = std::max(factors[0].exponent, factors[1].exponent);
    smaller.mantissa =
        static_cast<std::int32_t>(std::nearbyint(std::ldexp(smaller.mantissa, smaller.exponent - exponent)));
    smaller.exponent = exponent;
    return factors;
}

}  // namespace

void Lowering::lowerAdd(const Layer& layer) {
    Output output = outputOf(layer);
    requireClampOnly(layer, activationOf(layer));
    const std::vector<int> inputs{orderedInputOf(layer, 0), orderedInputOf(layer, 1)};
    const IntegerTensor& a = m_graph.tensor(inputs[0]);
    const IntegerTensor& b = m_graph.tensor(inputs[1]);
    const auto scale = static_cast<double>(output.scale);
    output.rule.factors = alignedFactors(a.scale / scale, b.scale / scale, layer.id);
    const bool isFloor = output.rule.rounding == Rounding::Floor;
    if (!isFloor && !sumsCanTie(a, b, output.rule.factors)) {
        output.rule.rounding = Rounding::HalfUp;
    }
    const int target = addOutputTensor(layer, output);
    add(layer, IntegerAdd{output.rule}, inputs, target);
}

void Lowering::lowerMul(const Layer& layer) {
    Output output = outputOf(layer);
    std::vector<int> inputs{orderedInputOf(layer, 0), orderedInputOf(layer, 1)};
    if (m_graph.tensor(inputs[0]).elements() < m_graph.tensor(inputs[1]).elements()) {
        std::swap(inputs[0], inputs[1]);
    }
    const IntegerTensor& a = m_graph.tensor(inputs[0]);
    const IntegerTensor& b = m_graph.tensor(inputs[1]);
    output.rule.factors = {
        requantizationFactor(a.scale * b.scale / static_cast<double>(output.scale), layer.id)};
    simplifyRounding(output.rule, std::array{reach(a) * reach(b)});
    const int target = addOutputTensor(layer, output);
    add(layer, IntegerMul{output.rule}, inputs, target);
}

void Lowering::lowerConcat(const Layer& layer, const ConcatOp& op) {
    if (op.axis != 1) {
        failLowering(ErrorCode::UnsupportedOperator, layer.id,
                     "joins along axis " + std::to_string(op.axis) +
                         "; integer models join channels (axis 1)");
    }
    const Output output = outputOf(layer);
    IntegerConcat concat;
    std::vector<int> inputs;
    for (std::size_t i = 0; i < layer.inputNodes.size(); ++i) {
        inputs.push_back(orderedInputOf(layer, i));
        const IntegerTensor& input = m_graph.tensor(inputs.back());
        Requantization rule = output.rule;
        rule.factors = {requantizationFactor(input.scale / static_cast<double>(output.scale), layer.id)};
        simplifyRounding(rule, std::array{reach(input)});
        concat.outputs.push_back(std::move(rule));
    }
    const int target = addOutputTensor(layer, output);
    add(layer, std::move(concat), inputs, target);
}

void Lowering::lowerMaxPool(const Layer& layer, const Pool2dOp& op) {
    const int source = orderedInputOf(layer, 0);
    IntegerMaxPool pool;
    std::copy(op.kernel.begin(), op.kernel.end(), pool.kernel.begin());
    std::copy(op.stride.begin(), op.stride.end(), pool.stride.begin());
    std::copy(op.padding.begin(), op.padding.end(), pool.padding.begin());
    IntegerTensor tensor = m_graph.tensor(source);  // the same grid
    tensor.name = layer.id.str();
    tensor.rows = static_cast<int>(layer.outputShape[2]);
    tensor.columns = static_cast<int>(layer.outputShape[3]);
    const int target = addTensor(std::move(tensor));
    add(layer, pool, {source}, target);
}

void Lowering::lowerAveragePool(const Layer& layer, IntegerAveragePool pool) {
    Output output = outputOf(layer);
    requireClampOnly(layer, activationOf(layer));
    const int source = orderedInputOf(layer, 0);
    const IntegerTensor& input = m_graph.tensor(source);
    std::set<int> divisors;
    for (int row = 0; row < layer.outputShape[2]; ++row) {
        for (int column = 0; column < layer.outputShape[3]; ++column) {
            divisors.insert(pool.divisor(row * pool.stride[0] - pool.padding[0],
                                         column * pool.stride[1] - pool.padding[1], input));
        }
    }
    if (divisors.contains(0)) {
        failLowering(ErrorCode::InvalidConfig, layer.id,
                     "a window lies wholly in the padding, so its average divides by 0; use less padding");
    }
    for (const int divisor : divisors) {
        pool.divisors.push_back(divisor);
        output.rule.factors.push_back(
            requantizationFactor(input.scale / (static_cast<double>(output.scale) * divisor), layer.id));
    }
    simplifyRounding(output.rule, std::array{reach(input) * pool.kernel[0] * pool.kernel[1]});
    pool.output = output.rule;
    const int target = addOutputTensor(layer, output);
    add(layer, std::move(pool), {source}, target);
}

void Lowering::lowerElementwise(const Layer& layer, const Operator& op) {
    Output output = outputOf(layer);
    const int source = orderedInputOf(layer, 0);
    const IntegerTensor input = m_graph.tensor(source);
    const int target = addOutputTensor(layer, output);
    if (const auto* clamp = std::get_if<ClampOp>(&op)) {
        if (clamp->isPerChannel()) {
            failLowering(ErrorCode::UnsupportedOperator, layer.id,
                         "it has an upper end for each channel; integer models take that behind convolutions "
                         "and linear layers alone");
        }
        const std::array<float, 2> bounds{static_cast<float>(clamp->lower), static_cast<float>(clamp->upper)};
        std::array<std::int32_t, 2> codes{};
        quantize(bounds, codes, *output.grid);
        output.rule.lower = codes[0];
        output.rule.upper = codes[1];
        output.rule.factors = {
            requantizationFactor(input.scale / static_cast<double>(output.scale), layer.id)};
        simplifyRounding(output.rule, std::array{reach(input)});
        return add(layer, IntegerRescale{output.rule}, {source}, target);
    }
    IntegerLookup lookup;
    for (std::int64_t code = input.lowestCode(); code <= input.highestCode(); ++code) {
        const float value =
            applyActivation(op, static_cast<float>(code - input.zeroPoint) * static_cast<float>(input.scale));
        std::int32_t result = 0;
        quantize({&value, 1}, {&result, 1}, *output.grid);
        lookup.table.push_back(static_cast<std::int16_t>(result));
    }
    add(layer, std::move(lookup), {source}, target);
}

}  // namespace bitlathe::core
