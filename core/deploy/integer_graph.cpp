#include "core/deploy/integer_graph.h"

#include <algorithm>
#include <cstddef>

namespace bitlathe::core {

namespace {

struct NameOf {
    std::string_view operator()(const IntegerConv&) const { return "conv2d"; }
    std::string_view operator()(const IntegerAdd&) const { return "add"; }
    std::string_view operator()(const IntegerMul&) const { return "mul"; }
    std::string_view operator()(const IntegerConcat&) const { return "concat"; }
    std::string_view operator()(const IntegerMaxPool&) const { return "max_pool"; }
    std::string_view operator()(const IntegerAveragePool&) const { return "average_pool"; }
    std::string_view operator()(const IntegerRescale&) const { return "rescale"; }
    std::string_view operator()(const IntegerLookup&) const { return "lookup"; }
    std::string_view operator()(const IntegerFlatten&) const { return "flatten"; }
};

/// Pixels of [begin, begin + length) that lie within [low, high).
int overlap(int begin, int length, int low, int high) noexcept {
    return std::max(0, std::min(begin + length, high) - std::max(begin, low));
}

}  // namespace

bool Requantization::isIdentity() const noexcept {
    return thresholds.empty() && factors.size() == 1 && factors.front() == FixedFactor{1 << 30, 1};
}

int IntegerAveragePool::divisor(int row, int column, const IntegerTensor& input) const noexcept {
    const auto [top, left, bottom, right] = padding;
    return countIncludePad
               ? overlap(row, kernel[0], -top, input.rows + bottom) *
                     overlap(column, kernel[1], -left, input.columns + right)
               : overlap(row, kernel[0], 0, input.rows) * overlap(column, kernel[1], 0, input.columns);
}

const FixedFactor& IntegerAveragePool::factorOf(int divisor) const {
    const auto found = std::lower_bound(divisors.begin(), divisors.end(), divisor);
    return output.factors[static_cast<std::size_t>(found - divisors.begin())];
}

std::vector<std::int32_t> plainBias(const IntegerConv& conv, std::int32_t inputZeroPoint) {
    std::vector<std::int32_t> plain = conv.bias;
    const std::int64_t perChannel = conv.weightsPerChannel();
    for (std::size_t c = 0; c < plain.size(); ++c) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < perChannel; ++i) {
            sum += conv.weights[static_cast<std::int64_t>(c) * perChannel + i] - conv.weightZeroPoint(c);
        }
        plain[c] = static_cast<std::int32_t>(plain[c] + inputZeroPoint * sum);
    }
    return plain;
}

std::string_view operatorName(const IntegerOperator& op) noexcept {
    return std::visit(NameOf{}, op);
}

}  // namespace bitlathe::core
