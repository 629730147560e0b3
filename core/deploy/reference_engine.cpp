#include "core/deploy/reference_engine.h"

#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"

#include <algorithm>
#include <string>

namespace bitlathe::core {

namespace {

std::size_t at(const IntegerTensor& tensor, int row, int column, int channel) {
    return static_cast<std::size_t>((std::int64_t{row} * tensor.columns + column) * tensor.channels +
                                    channel);
}

std::int32_t byThresholds(const ChannelThresholds& thresholds, std::int64_t accumulator) {
    std::int32_t code = thresholds.base;
    for (const std::int32_t bound : thresholds.bounds) {
        code += accumulator >= bound ? thresholds.step : 0;
    }
    return code;
}

std::int32_t requantized(const Requantization& rule, std::int64_t accumulator, std::size_t channel) {
    if (!rule.thresholds.empty()) {
        return byThresholds(rule.thresholds[channel], accumulator);
    }
    return requantize(accumulator, rule.factor(channel), rule.rounding, rule.zeroPoint, rule.lower,
                      rule.upper);
}

/// One operator on one image.
class Run {
public:
    Run(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs)
        : m_graph(graph), m_layer(layer), m_inputs(inputs), m_output(graph.tensor(layer.output)),
          m_codes(static_cast<std::size_t>(m_output.elements())) {}

    Codes take() { return std::move(m_codes); }

    void operator()(const IntegerConv& conv) {
        const std::vector<std::int16_t> weights = conv.weights.unpacked();
        const bool isRaw = conv.output.factors.empty() && conv.output.thresholds.empty();
        for (int row = 0; row < m_output.rows; ++row) {
            for (int column = 0; column < m_output.columns; ++column) {
                for (int channel = 0; channel < m_output.channels; ++channel) {
                    const auto c = static_cast<std::size_t>(channel);
                    const std::int64_t sum = accumulator(conv, weights, row, column, channel);
                    m_codes[at(m_output, row, column, channel)] =
                        isRaw ? static_cast<std::int32_t>(sum) : requantized(conv.output, sum, c);
                }
            }
        }
    }

    void operator()(const IntegerAdd& add) {
        const FixedFactor& fa = add.output.factors[0];
        const FixedFactor& fb = add.output.factors[1];
        for (std::size_t i = 0; i < m_codes.size(); ++i) {
            const std::int64_t sum =
                std::int64_t{centred(0, i)} * fa.mantissa + std::int64_t{centred(1, i)} * fb.mantissa;
            const std::int64_t rounded = roundingShift(sum, 31 - fa.exponent, add.output.rounding);
            m_codes[i] = static_cast<std::int32_t>(
                std::clamp<std::int64_t>(rounded + add.output.zeroPoint, add.output.lower, add.output.upper));
        }
    }

    void operator()(const IntegerMul& mul) {
        const bool isBroadcast = m_inputs[1].size() != m_inputs[0].size();
        for (std::size_t i = 0; i < m_codes.size(); ++i) {
            const std::size_t j = isBroadcast ? i % static_cast<std::size_t>(m_output.channels) : i;
            m_codes[i] = requantized(mul.output, std::int64_t{centred(0, i)} * centred(1, j), 0);
        }
    }

    void operator()(const IntegerConcat& concat) {
        int first = 0;
        for (std::size_t k = 0; k < m_inputs.size(); ++k) {
            const int channels = input(k).channels;
            for (std::size_t i = 0; i < m_inputs[k].size(); ++i) {
                const std::size_t pixel = i / static_cast<std::size_t>(channels);
                const std::size_t channel = i % static_cast<std::size_t>(channels);
                m_codes[pixel * static_cast<std::size_t>(m_output.channels) +
                        static_cast<std::size_t>(first) + channel] =
                    requantized(concat.outputs[k], centred(k, i), 0);
            }
            first += channels;
        }
    }

    void operator()(const IntegerMaxPool& pool) {
        forEachWindow(pool, [&](int row, int column, int channel, std::size_t target) {
            auto largest = static_cast<std::int32_t>(input(0).lowestCode());
            forEachPixel(pool, row, column, [&](int y, int x) {
                largest = std::max(largest, m_inputs[0][at(input(0), y, x, channel)]);
            });
            m_codes[target] = largest;
        });
    }

    void operator()(const IntegerAveragePool& pool) {
        forEachWindow(pool, [&](int row, int column, int channel, std::size_t target) {
            std::int64_t sum = 0;
            forEachPixel(pool, row, column,
                         [&](int y, int x) { sum += centred(0, at(input(0), y, x, channel)); });
            const Requantization& rule = pool.output;
            m_codes[target] = requantize(sum, pool.factorOf(pool.divisor(row, column, input(0))),
                                         rule.rounding, rule.zeroPoint, rule.lower, rule.upper);
        });
    }

    void operator()(const IntegerRescale& rescale) {
        for (std::size_t i = 0; i < m_codes.size(); ++i) {
            m_codes[i] = requantized(rescale.output, centred(0, i), 0);
        }
    }

    void operator()(const IntegerLookup& lookup) {
        const std::int64_t lowest = input(0).lowestCode();
        for (std::size_t i = 0; i < m_codes.size(); ++i) {
            m_codes[i] = lookup.table[static_cast<std::size_t>(m_inputs[0][i] - lowest)];
        }
    }

    void operator()(const IntegerFlatten&) {
        const IntegerTensor& source = input(0);
        std::size_t target = 0;
        for (int channel = 0; channel < source.channels; ++channel) {
            for (int row = 0; row < source.rows; ++row) {
                for (int column = 0; column < source.columns; ++column) {
                    m_codes[target++] = m_inputs[0][at(source, row, column, channel)];
                }
            }
        }
    }

private:
    const IntegerTensor& input(std::size_t index) const { return m_graph.tensor(m_layer.inputs[index]); }
    std::int32_t centred(std::size_t index, std::size_t element) const {
        return m_inputs[index][element] - input(index).zeroPoint;
    }

    std::int64_t accumulator(const IntegerConv& conv, std::span<const std::int16_t> weights, int row,
                             int column, int channel) const {
        const IntegerTensor& source = input(0);
        const int group = channel / (conv.outputChannels / conv.groups);
        const int firstInput = group * conv.inputChannelsPerGroup;
        const std::int32_t zeroPoint = conv.weightZeroPoint(static_cast<std::size_t>(channel));
        auto weight = static_cast<std::size_t>(channel * conv.weightsPerChannel());
        std::int64_t sum = conv.bias[static_cast<std::size_t>(channel)];
        for (int ky = 0; ky < conv.kernel[0]; ++ky) {
            for (int kx = 0; kx < conv.kernel[1]; ++kx) {
                const int y = row * conv.stride[0] - conv.padding[0] + ky * conv.dilation[0];
                const int x = column * conv.stride[1] - conv.padding[1] + kx * conv.dilation[1];
                const bool isInside = y >= 0 && y < source.rows && x >= 0 && x < source.columns;
                for (int i = 0; i < conv.inputChannelsPerGroup; ++i) {
                    const std::int32_t code =
                        isInside ? m_inputs[0][at(source, y, x, firstInput + i)] : source.zeroPoint;
                    sum += std::int64_t{code} * (weights[weight++] - zeroPoint);
                }
            }
        }
        return sum;
    }

    /// body(row and column of the window's corner in the unpadded image, channel, index of the output).
    template <typename Pool, typename Body>
    void forEachWindow(const Pool& pool, const Body& body) {
        for (int row = 0; row < m_output.rows; ++row) {
            for (int column = 0; column < m_output.columns; ++column) {
                for (int channel = 0; channel < m_output.channels; ++channel) {
                    body(row * pool.stride[0] - pool.padding[0], column * pool.stride[1] - pool.padding[1],
                         channel, at(m_output, row, column, channel));
                }
            }
        }
    }
    /// The window's pixels inside the image.
    template <typename Pool, typename Body>
    void forEachPixel(const Pool& pool, int row, int column, const Body& body) const {
        for (int y = std::max(row, 0); y < std::min(row + pool.kernel[0], input(0).rows); ++y) {
            for (int x = std::max(column, 0); x < std::min(column + pool.kernel[1], input(0).columns); ++x) {
                body(y, x);
            }
        }
    }

    const IntegerGraph& m_graph;
    const IntegerLayer& m_layer;
    std::span<const Codes> m_inputs;
    const IntegerTensor& m_output;
    Codes m_codes;
};

}  // namespace

Codes runReferenceLayer(const IntegerGraph& graph, const IntegerLayer& layer, std::span<const Codes> inputs) {
    Run run(graph, layer, inputs);
    std::visit(run, layer.op);
    return run.take();
}

std::vector<Codes> runReference(const IntegerGraph& graph, const Codes& input) {
    const IntegerTensor& tensor = graph.inputTensor();
    if (static_cast<std::int64_t>(input.size()) != tensor.elements()) {
        throw Error(ErrorCode::ShapeMismatch, "the integer model '" + graph.name + "' takes " +
                                                  std::to_string(tensor.elements()) +
                                                  " input codes, but got " + std::to_string(input.size()));
    }
    for (const std::int32_t code : input) {
        if (code < tensor.lowestCode() || code > tensor.highestCode()) {
            throw Error(ErrorCode::InvalidConfig, "input code " + std::to_string(code) + " is outside " +
                                                      std::to_string(tensor.lowestCode()) + ".." +
                                                      std::to_string(tensor.highestCode()));
        }
    }
    std::vector<Codes> values(graph.tensors.size());
    values[static_cast<std::size_t>(graph.input)] = input;
    for (const IntegerLayer& layer : graph.layers) {
        std::vector<Codes> inputs;
        for (const int index : layer.inputs) {
            inputs.push_back(values[static_cast<std::size_t>(index)]);
        }
        values[static_cast<std::size_t>(layer.output)] = runReferenceLayer(graph, layer, inputs);
    }
    return values;
}

Codes inputCodes(const IntegerGraph& graph, std::span<const float> image) {
    const IntegerTensor& tensor = graph.inputTensor();
    if (static_cast<std::int64_t>(image.size()) != tensor.elements()) {
        throw Error(ErrorCode::ShapeMismatch, "the integer model '" + graph.name + "' takes images of " +
                                                  std::to_string(tensor.elements()) + " values, but got " +
                                                  std::to_string(image.size()));
    }
    Codes planar(image.size());
    quantize(image, planar, graph.inputGrid);
    Codes codes(image.size());
    const int area = tensor.rows * tensor.columns;
    for (int channel = 0; channel < tensor.channels; ++channel) {
        for (int pixel = 0; pixel < area; ++pixel) {
            codes[static_cast<std::size_t>(pixel * tensor.channels + channel)] =
                planar[static_cast<std::size_t>(channel * area + pixel)];
        }
    }
    return codes;
}

}  // namespace bitlathe::core
