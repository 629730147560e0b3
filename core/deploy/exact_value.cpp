#include "core/deploy/exact_value.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace bitlathe::core {

namespace {

/// A sum of products in accumulator steps.
struct Sum {
    double value = 0;
    double magnitude = 0;  ///< of the terms
    double terms = 0;

    void add(double term) {
        value += term;
        magnitude += std::fabs(term);
        terms += 1;
    }
    /// Float32: each input and weight rounded once, each product and each partial sum once, bias, scale and
    /// quotient a few times more.
    double roundingBound() const { return (terms + 8) * 0x1p-24 * magnitude; }
};

double distanceFromBoundary(double steps, Rounding rounding) {
    const double shifted = rounding == Rounding::Floor ? steps : steps + 0.5;
    return std::fabs(shifted - std::nearbyint(shifted));
}

ExactValue byFactor(const Sum& sum, const FixedFactor& factor, Rounding rounding) {
    const double scale = value(factor);
    return {distanceFromBoundary(sum.value * scale, rounding), sum.roundingBound() * std::fabs(scale)};
}

ExactValue byThresholds(const Sum& sum, const ChannelThresholds& thresholds) {
    double nearest = std::numeric_limits<double>::infinity();
    for (const std::int32_t bound : thresholds.bounds) {
        // Between bound - 1 and bound.
        nearest = std::min(nearest, std::fabs(sum.value - (bound - 0.5)));
    }
    return {nearest, sum.roundingBound() + 1};
}

class Find {
public:
    Find(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs,
         std::size_t element)
        : m_graph(graph), m_layer(layer), m_inputs(inputs), m_element(element),
          m_output(graph.tensor(layer.output)) {}

    ExactValue operator()(const IntegerConv& conv) const {
        const Sum sum = accumulator(conv);
        const std::size_t c = m_element % static_cast<std::size_t>(m_output.channels);
        return conv.output.thresholds.empty() ? byFactor(sum, conv.output.factor(c), conv.output.rounding)
                                              : byThresholds(sum, conv.output.thresholds[c]);
    }
    ExactValue operator()(const IntegerAdd& add) const {
        Sum sum;
        sum.add(centred(0, m_element) * value(add.output.factors[0]));
        sum.add(centred(1, m_element) * value(add.output.factors[1]));
        return {distanceFromBoundary(sum.value, add.output.rounding), sum.roundingBound()};
    }
    ExactValue operator()(const IntegerMul& mul) const {
        const std::size_t other =
            m_inputs[1].size() == m_inputs[0].size() ? m_element : m_element % m_inputs[1].size();
        Sum sum;
        sum.add(centred(0, m_element) * centred(1, other));
        return byFactor(sum, mul.output.factors[0], mul.output.rounding);
    }
    ExactValue operator()(const IntegerConcat& concat) const {
        const auto channels = static_cast<std::size_t>(m_output.channels);
        std::size_t channel = m_element % channels;
        std::size_t k = 0;
        while (channel >= static_cast<std::size_t>(input(k).channels)) {
            channel -= static_cast<std::size_t>(input(k++).channels);
        }
        Sum sum;
        sum.add(centred(k, m_element / channels * static_cast<std::size_t>(input(k).channels) + channel));
        return byFactor(sum, concat.outputs[k].factors[0], concat.outputs[k].rounding);
    }
    ExactValue operator()(const IntegerAveragePool& pool) const {
        const auto [row, column, channel] = position();
        const int top = row * pool.stride[0] - pool.padding[0];
        const int left = column * pool.stride[1] - pool.padding[1];
        Sum sum;
        for (int y = std::max(top, 0); y < std::min(top + pool.kernel[0], input(0).rows); ++y) {
            for (int x = std::max(left, 0); x < std::min(left + pool.kernel[1], input(0).columns); ++x) {
                sum.add(centred(
                    0, static_cast<std::size_t>((y * input(0).columns + x) * input(0).channels + channel)));
            }
        }
        return byFactor(sum, pool.factorOf(pool.divisor(top, left, input(0))), pool.output.rounding);
    }
    ExactValue operator()(const IntegerRescale& rescale) const {
        Sum sum;
        sum.add(centred(0, m_element));
        return byFactor(sum, rescale.output.factors[0], rescale.output.rounding);
    }
    /// A table's entry is the function's own rounding in float32: always at the boundary, one code at most.
    ExactValue operator()(const IntegerLookup&) const { return {0, 1}; }
    ExactValue operator()(const IntegerMaxPool&) const { return {1, 0}; }
    ExactValue operator()(const IntegerFlatten&) const { return {1, 0}; }

private:
    struct Position {
        int row, column, channel;
    };
    Position position() const {
        const int pixel = static_cast<int>(m_element) / m_output.channels;
        return {pixel / m_output.columns, pixel % m_output.columns,
                static_cast<int>(m_element) % m_output.channels};
    }
    const IntegerTensor& input(std::size_t index) const { return m_graph.tensor(m_layer.inputs[index]); }
    double centred(std::size_t index, std::size_t element) const {
        return m_inputs[index][element] - input(index).zeroPoint;
    }

    Sum accumulator(const IntegerConv& conv) const {
        const auto [row, column, channel] = position();
        const auto c = static_cast<std::size_t>(channel);
        const int firstInput = channel / (conv.outputChannels / conv.groups) * conv.inputChannelsPerGroup;
        std::int64_t weight = channel * conv.weightsPerChannel();
        Sum sum;
        std::int64_t weightSum = 0;
        for (int tap = 0; tap < conv.kernel[0] * conv.kernel[1]; ++tap) {
            const int y = row * conv.stride[0] - conv.padding[0] + tap / conv.kernel[1] * conv.dilation[0];
            const int x = column * conv.stride[1] - conv.padding[1] + tap % conv.kernel[1] * conv.dilation[1];
            const bool isInside = y >= 0 && y < input(0).rows && x >= 0 && x < input(0).columns;
            for (int i = 0; i < conv.inputChannelsPerGroup; ++i) {
                const std::int32_t w = conv.weights[weight++] - conv.weightZeroPoint(c);
                weightSum += w;
                if (isInside) {
                    sum.add(w *
                            centred(0, static_cast<std::size_t>(
                                           (y * input(0).columns + x) * input(0).channels + firstInput + i)));
                }
            }
        }
        sum.add(static_cast<double>(conv.bias[c] + input(0).zeroPoint * weightSum));
        return sum;
    }

    const IntegerGraph& m_graph;
    const IntegerLayer& m_layer;
    std::span<const Codes> m_inputs;
    std::size_t m_element;
    const IntegerTensor& m_output;
};

bool isPowerOfTwo(double scale) {
    int exponent = 0;
    return std::frexp(scale, &exponent) == 0.5;
}

bool arePowersOfTwo(std::span<const FixedFactor> factors) {
    return std::all_of(factors.begin(), factors.end(), [](const FixedFactor& factor) {
        return factor.mantissa == 0 || std::abs(factor.mantissa) == 1 << 30;
    });
}

}  // namespace

ExactValue exactValue(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs,
                      std::size_t element) {
    return std::visit(Find(graph, layer, inputs, element), layer.op);
}

bool isFloatExact(const IntegerGraph& graph, const IntegerLayer& layer) {
    constexpr std::int64_t kFloatIntegers = std::int64_t{1} << 24;
    if (!isPowerOfTwo(graph.tensor(layer.output).scale) ||
        !std::all_of(layer.inputs.begin(), layer.inputs.end(),
                     [&](int index) { return isPowerOfTwo(graph.tensor(index).scale); })) {
        return false;
    }
    if (const auto* conv = std::get_if<IntegerConv>(&layer.op)) {
        return conv->accumulatorBound < kFloatIntegers && !conv->output.factors.empty() &&
               arePowersOfTwo(conv->output.factors);
    }
    if (const auto* pool = std::get_if<IntegerAveragePool>(&layer.op)) {
        return arePowersOfTwo(pool->output.factors);
    }
    return !std::holds_alternative<IntegerLookup>(layer.op);
}

}  // namespace bitlathe::core
