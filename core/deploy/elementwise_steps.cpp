#include "core/deploy/integer_steps.h"

#include "core/deploy/requantization.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <cstring>

namespace bitlathe::core {

namespace {

/// Output byte of every input byte: whatever maps one code to one code.
using ByteMap = std::array<std::uint8_t, 256>;

std::uint8_t stored(std::int64_t code, const IntegerTensor& tensor) {
    return static_cast<std::uint8_t>(code - tensor.lowestCode());
}

ByteMap requantizationMap(const Requantization& rule, const IntegerTensor& input,
                          const IntegerTensor& output) {
    ByteMap map{};
    for (std::int64_t code = input.lowestCode(); code <= input.highestCode(); ++code) {
        map[stored(code, input)] = stored(requantize(code - input.zeroPoint, rule.factors[0], rule.rounding,
                                                     rule.zeroPoint, rule.lower, rule.upper),
                                          output);
    }
    return map;
}

bool isPlainCopy(const ByteMap& map, const IntegerTensor& input) {
    for (std::size_t i = 0; i < (std::size_t{1} << input.bits); ++i) {
        if (map[i] != i) {
            return false;
        }
    }
    return true;
}

class MapStep final : public IntegerStep {
public:
    MapStep(const ByteMap& map, std::size_t count) : m_map(map), m_count(count) {}
    void run(const StepBuffers& buffers, const IntegerKernels&) const override {
        auto* const output = static_cast<std::uint8_t*>(buffers.output);
        for (std::size_t i = 0; i < m_count; ++i) {
            output[i] = m_map[buffers.inputs[0][i]];
        }
    }

private:
    ByteMap m_map;
    std::size_t m_count;
};

class AddStep final : public IntegerStep {
public:
    AddStep(const IntegerAdd& add, const IntegerTensor& a, const IntegerTensor& b,
            const IntegerTensor& output) {
        const Requantization& rule = add.output;
        const auto lowest = static_cast<std::int32_t>(output.lowestCode());
        m_task.count = static_cast<std::size_t>(output.elements());
        m_task.mantissaA = rule.factors[0].mantissa;
        m_task.mantissaB = rule.factors[1].mantissa;
        m_task.offset = (a.lowestCode() - a.zeroPoint) * m_task.mantissaA +
                        (b.lowestCode() - b.zeroPoint) * m_task.mantissaB;
        m_task.shift = 31 - rule.factors[0].exponent;
        m_task.rounding = rule.rounding;
        m_task.zeroPoint = rule.zeroPoint - lowest;
        m_task.lower = rule.lower - lowest;
        m_task.upper = rule.upper - lowest;
    }
    void run(const StepBuffers& buffers, const IntegerKernels& kernels) const override {
        AddTask task = m_task;
        task.a = buffers.inputs[0];
        task.b = buffers.inputs[1];
        task.output = static_cast<std::uint8_t*>(buffers.output);
        kernels.add(task);
    }

private:
    AddTask m_task;
};

class MulStep final : public IntegerStep {
public:
    MulStep(const IntegerMul& mul, const IntegerTensor& a, const IntegerTensor& b,
            const IntegerTensor& output)
        : m_rule(mul.output), m_a(a), m_b(b), m_output(output) {}
    void run(const StepBuffers& buffers, const IntegerKernels&) const override {
        const auto centreA = static_cast<std::int32_t>(m_a.lowestCode() - m_a.zeroPoint);
        const auto centreB = static_cast<std::int32_t>(m_b.lowestCode() - m_b.zeroPoint);
        const auto period = static_cast<std::size_t>(m_b.elements());
        const auto count = static_cast<std::size_t>(m_output.elements());
        auto* const output = static_cast<std::uint8_t*>(buffers.output);
        for (std::size_t first = 0; first < count; first += period) {
            for (std::size_t i = 0; i < period; ++i) {
                const std::int64_t product =
                    std::int64_t{buffers.inputs[0][first + i] + centreA} * (buffers.inputs[1][i] + centreB);
                output[first + i] = stored(requantize(product, m_rule.factors[0], m_rule.rounding,
                                                      m_rule.zeroPoint, m_rule.lower, m_rule.upper),
                                           m_output);
            }
        }
    }

private:
    Requantization m_rule;
    IntegerTensor m_a, m_b, m_output;
};

class ConcatStep final : public IntegerStep {
public:
    ConcatStep(const IntegerGraph& graph, const IntegerLayer& layer, const IntegerConcat& concat)
        : m_output(graph.tensor(layer.output)) {
        for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
            const IntegerTensor& input = graph.tensor(layer.inputs[i]);
            const ByteMap map = requantizationMap(concat.outputs[i], input, m_output);
            m_parts.push_back({map, static_cast<std::size_t>(input.channels), isPlainCopy(map, input)});
        }
    }
    void run(const StepBuffers& buffers, const IntegerKernels&) const override {
        auto* const output = static_cast<std::uint8_t*>(buffers.output);
        const auto pixels =
            static_cast<std::size_t>(m_output.rows) * static_cast<std::size_t>(m_output.columns);
        const auto step = static_cast<std::size_t>(m_output.channels);
        std::size_t first = 0;
        for (std::size_t k = 0; k < m_parts.size(); ++k) {
            const Part& part = m_parts[k];
            const std::uint8_t* source = buffers.moreInputs[k];
            for (std::size_t p = 0; p < pixels; ++p, source += part.channels) {
                std::uint8_t* const target = output + p * step + first;
                if (part.isCopy) {
                    std::memcpy(target, source, part.channels);
                    continue;
                }
                for (std::size_t c = 0; c < part.channels; ++c) {
                    target[c] = part.map[source[c]];
                }
            }
            first += part.channels;
        }
    }

private:
    struct Part {
        ByteMap map;
        std::size_t channels;
        bool isCopy;
    };
    IntegerTensor m_output;
    std::vector<Part> m_parts;
};

/// Lane-wise largest byte: the order of codes is the order of bytes.
BITLATHE_VECTORISED void maximumInto(std::uint8_t* largest, const std::uint8_t* codes, int count) {
    for (int c = 0; c < count; ++c) {
        largest[c] = std::max(largest[c], codes[c]);
    }
}
BITLATHE_VECTORISED void addInto(std::int32_t* sums, const std::uint8_t* codes, int count) {
    for (int c = 0; c < count; ++c) {
        sums[c] += codes[c];
    }
}

/// body(pixel's first byte) for each pixel of the window inside the image; returns how many there are.
template <typename Pool, typename Body>
int forEachPixel(const Pool& pool, const IntegerTensor& input, int row, int column, const Body& body) {
    int count = 0;
    for (int y = std::max(row, 0); y < std::min(row + pool.kernel[0], input.rows); ++y) {
        for (int x = std::max(column, 0); x < std::min(column + pool.kernel[1], input.columns); ++x) {
            body((std::ptrdiff_t{y} * input.columns + x) * input.channels);
            ++count;
        }
    }
    return count;
}

class MaxPoolStep final : public IntegerStep {
public:
    MaxPoolStep(const IntegerMaxPool& pool, const IntegerTensor& input, const IntegerTensor& output)
        : m_pool(pool), m_input(input), m_output(output) {}
    void run(const StepBuffers& buffers, const IntegerKernels&) const override {
        auto* target = static_cast<std::uint8_t*>(buffers.output);
        for (int r = 0; r < m_output.rows; ++r) {
            for (int c = 0; c < m_output.columns; ++c, target += m_output.channels) {
                std::fill_n(target, m_output.channels, std::uint8_t{0});
                forEachPixel(m_pool, m_input, r * m_pool.stride[0] - m_pool.padding[0],
                             c * m_pool.stride[1] - m_pool.padding[1], [&](std::ptrdiff_t offset) {
                                 maximumInto(target, buffers.inputs[0] + offset, m_output.channels);
                             });
            }
        }
    }

private:
    IntegerMaxPool m_pool;
    IntegerTensor m_input, m_output;
};

class AveragePoolStep final : public IntegerStep {
public:
    AveragePoolStep(const IntegerAveragePool& pool, const IntegerTensor& input, const IntegerTensor& output)
        : m_pool(pool), m_input(input), m_output(output) {
        for (const FixedFactor& factor : pool.output.factors) {
            Requantization rule = pool.output;
            rule.factors = {factor};
            m_tables.push_back(requantizeTable(rule, 0, static_cast<std::size_t>(output.channels), output));
        }
    }
    std::size_t accumulatorCount() const override {
        return static_cast<std::size_t>(paddedLanes(m_output.channels));
    }
    void run(const StepBuffers& buffers, const IntegerKernels& kernels) const override {
        auto* target = static_cast<std::uint8_t*>(buffers.output);
        for (int r = 0; r < m_output.rows; ++r) {
            for (int c = 0; c < m_output.columns; ++c, target += m_output.channels) {
                window(buffers, kernels, r * m_pool.stride[0] - m_pool.padding[0],
                       c * m_pool.stride[1] - m_pool.padding[1], target);
            }
        }
    }

private:
    void window(const StepBuffers& buffers, const IntegerKernels& kernels, int row, int column,
                std::uint8_t* target) const {
        std::fill_n(buffers.accumulators, accumulatorCount(), 0);
        const int inside = forEachPixel(m_pool, m_input, row, column, [&](std::ptrdiff_t offset) {
            addInto(buffers.accumulators, buffers.inputs[0] + offset, m_output.channels);
        });
        const auto centre = static_cast<std::int32_t>(inside * (m_input.lowestCode() - m_input.zeroPoint));
        for (int channel = 0; channel < m_output.channels; ++channel) {
            buffers.accumulators[channel] += centre;
        }
        const int divisor = m_pool.divisor(row, column, m_input);
        const auto index = static_cast<std::size_t>(
            std::lower_bound(m_pool.divisors.begin(), m_pool.divisors.end(), divisor) -
            m_pool.divisors.begin());
        RequantizeTask task;
        task.channels = m_output.channels;
        task.accumulators = buffers.accumulators;
        task.pixels = 1;
        task.output = target;
        kernels.requantize(task, m_tables[index]);
    }

    IntegerAveragePool m_pool;
    IntegerTensor m_input, m_output;
    std::vector<RequantizeTable> m_tables;  ///< one per divisor
};

class FlattenStep final : public IntegerStep {
public:
    explicit FlattenStep(const IntegerTensor& input) : m_input(input) {}
    void run(const StepBuffers& buffers, const IntegerKernels&) const override {
        auto* target = static_cast<std::uint8_t*>(buffers.output);
        const std::ptrdiff_t pixels = std::ptrdiff_t{m_input.rows} * m_input.columns;
        for (int channel = 0; channel < m_input.channels; ++channel) {
            for (std::ptrdiff_t p = 0; p < pixels; ++p) {
                *target++ = buffers.inputs[0][p * m_input.channels + channel];
            }
        }
    }

private:
    IntegerTensor m_input;
};

struct Make {
    const IntegerGraph& graph;
    const IntegerLayer& layer;

    const IntegerTensor& input(std::size_t i = 0) const { return graph.tensor(layer.inputs[i]); }
    const IntegerTensor& output() const { return graph.tensor(layer.output); }
    std::size_t count() const { return static_cast<std::size_t>(output().elements()); }

    std::unique_ptr<IntegerStep> operator()(const IntegerConv& op) const {
        return makeConvolutionStep(graph, layer, op);
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerAdd& op) const {
        return std::make_unique<AddStep>(op, input(0), input(1), output());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerMul& op) const {
        return std::make_unique<MulStep>(op, input(0), input(1), output());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerConcat& op) const {
        return std::make_unique<ConcatStep>(graph, layer, op);
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerMaxPool& op) const {
        return std::make_unique<MaxPoolStep>(op, input(), output());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerAveragePool& op) const {
        return std::make_unique<AveragePoolStep>(op, input(), output());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerRescale& op) const {
        return std::make_unique<MapStep>(requantizationMap(op.output, input(), output()), count());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerLookup& op) const {
        ByteMap map{};
        for (std::size_t i = 0; i < op.table.size(); ++i) {
            map[i] = stored(op.table[i], output());
        }
        return std::make_unique<MapStep>(map, count());
    }
    std::unique_ptr<IntegerStep> operator()(const IntegerFlatten&) const {
        return std::make_unique<FlattenStep>(input());
    }
};

}  // namespace

std::unique_ptr<IntegerStep> makeStep(const IntegerGraph& graph, const IntegerLayer& layer) {
    return std::visit(Make{graph, layer}, layer.op);
}

}  // namespace bitlathe::core
