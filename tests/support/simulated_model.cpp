#include "tests/support/simulated_model.h"

#include "core/plan/quantized_bias.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace bitlathe::tests {

using namespace core;

namespace {

using Values = std::vector<double>;

std::int32_t codeOf(double x, const QParams& grid, std::size_t channel) {
    const double code =
        roundTo(x / static_cast<double>(grid.scale[channel]), grid.rounding) + grid.zeroPoint[channel];
    return static_cast<std::int32_t>(
        std::clamp(code, static_cast<double>(grid.quantMin), static_cast<double>(grid.quantMax)));
}

double valueOf(std::int32_t code, const QParams& grid, std::size_t channel) {
    return static_cast<double>(code - grid.zeroPoint[channel]) * static_cast<double>(grid.scale[channel]);
}

/// Codes change at whole steps (floor) or halfway between them.
double margin(double steps, const QParams& grid) {
    const double shifted = grid.rounding == Rounding::Floor ? steps : steps + 0.5;
    return std::fabs(shifted - std::nearbyint(shifted));
}

std::int64_t rowsOf(const Shape& shape) {
    return shape.size() == 4 ? shape[2] : 1;
}
std::int64_t columnsOf(const Shape& shape) {
    return shape.size() == 4 ? shape[3] : 1;
}

class Simulation {
public:
    Simulation(const PreparedModel& model, const QuantPlan& plan) : m_model(model), m_plan(plan) {}

    SimulatedModel run(std::span<const float> image) {
        m_result.values[0] = {image.begin(), image.end()};
        snap(kInputLayer, 0);
        for (NodeId id = 1; id < static_cast<NodeId>(m_model.graph.nodes.size()); ++id) {
            m_node = &m_model.graph.node(id);
            m_layer = nullptr;
            for (const Layer& layer : m_model.layers) {
                m_layer = layer.node == id ? &layer : m_layer;
            }
            m_result.values[id] = std::visit([&](const auto& op) { return compute(op); }, m_node->op);
            for (const Layer& layer : m_model.layers) {
                if (layer.outputNode == id) {
                    snap(layer.id, id);
                }
            }
        }
        return std::move(m_result);
    }

private:
    void snap(const LayerId& layer, NodeId node) {
        const SiteId site{layer, SiteKind::Output};
        const QParams* const grid = m_plan.find(site);
        if (grid == nullptr) {
            return;
        }
        std::vector<std::int32_t>& codes = m_result.codes[site];
        std::vector<double>& margins = m_result.margins[site];
        for (double& value : m_result.values[node]) {
            margins.push_back(margin(value / static_cast<double>(grid->scale[0]), *grid));
            codes.push_back(codeOf(value, *grid, 0));
            value = valueOf(codes.back(), *grid, 0);
        }
    }

    const Values& input(std::size_t index) const { return m_result.values.at(m_node->inputs[index]); }
    const Shape& inputShape(std::size_t index = 0) const {
        return m_model.graph.node(m_node->inputs[index]).outputShape;
    }
    std::size_t size() const { return static_cast<std::size_t>(elementCount(m_node->outputShape)); }

    Values weights(const FloatTensor& tensor) const {
        Values values(tensor.values().begin(), tensor.values().end());
        if (const QParams* const grid = m_plan.find({m_layer->id, SiteKind::Weight})) {
            const std::size_t run = values.size() / grid->scale.size();
            for (std::size_t i = 0; i < values.size(); ++i) {
                values[i] = valueOf(codeOf(values[i], *grid, i / run), *grid, i / run);
            }
        }
        return values;
    }
    Values bias(const FloatTensor& tensor, std::size_t channels) const {
        Values values(channels, 0.0);
        if (!tensor.defined()) {
            return values;
        }
        std::copy(tensor.values().begin(), tensor.values().end(), values.begin());
        const QParams* const weight = m_plan.find({m_layer->id, SiteKind::Weight});
        const auto site = m_model.siteOfTensor(m_node->inputs.front());
        const QParams* const source = site ? m_plan.find(*site) : nullptr;
        if (weight != nullptr && source != nullptr) {
            const QuantizedBias quantized = quantizedBias(tensor.values(), *source, *weight);
            for (std::size_t c = 0; c < channels; ++c) {
                values[c] = quantized.codes[c] * static_cast<double>(source->scale[0]) *
                            static_cast<double>(weight->scale[weight->scale.size() == 1 ? 0 : c]);
            }
        }
        return values;
    }

    Values compute(const InputOp&) const { return {}; }

    Values compute(const Conv2dOp& op) const {
        const Shape& in = inputShape();
        const Shape& out = m_node->outputShape;
        const Shape& w = op.weight.shape();
        const Values weight = weights(op.weight);
        const Values shift = bias(op.bias, static_cast<std::size_t>(out[1]));
        Values result;
        for (std::int64_t o = 0; o < out[1]; ++o) {
            const std::int64_t first = o / (out[1] / op.groups) * w[1];
            for (std::int64_t r = 0; r < out[2]; ++r) {
                for (std::int64_t c = 0; c < out[3]; ++c) {
                    double sum = shift[static_cast<std::size_t>(o)];
                    for (std::int64_t i = 0; i < w[1] * w[2] * w[3]; ++i) {
                        const std::int64_t y =
                            r * op.stride[0] - op.padding[0] + i / w[3] % w[2] * op.dilation[0];
                        const std::int64_t x = c * op.stride[1] - op.padding[1] + i % w[3] * op.dilation[1];
                        if (y >= 0 && y < in[2] && x >= 0 && x < in[3]) {
                            const std::int64_t channel = first + i / (w[2] * w[3]);
                            sum += input(0)[static_cast<std::size_t>((channel * in[2] + y) * in[3] + x)] *
                                   weight[static_cast<std::size_t>(o * w[1] * w[2] * w[3] + i)];
                        }
                    }
                    result.push_back(sum);
                }
            }
        }
        return result;
    }

    Values compute(const LinearOp& op) const {
        const Values weight = weights(op.weight);
        const std::size_t inputs = input(0).size();
        Values result = bias(op.bias, size());
        for (std::size_t o = 0; o < result.size(); ++o) {
            for (std::size_t i = 0; i < inputs; ++i) {
                result[o] += input(0)[i] * weight[o * inputs + i];
            }
        }
        return result;
    }

    Values compute(const ClampOp& op) const {
        return each([&](double x) { return std::min(std::max(x, op.lower), op.upper); });
    }
    Values compute(const LeakyReluOp& op) const {
        return each(
            [&](double x) { return x > 0 ? x : x * static_cast<double>(static_cast<float>(op.slope)); });
    }
    Values compute(const UnaryOp& op) const {
        return each([&](double x) {
            switch (op.kind) {
            case UnaryKind::Sigmoid:
                return 1 / (1 + std::exp(-x));
            case UnaryKind::Tanh:
                return std::tanh(x);
            case UnaryKind::HardSigmoid:
                return std::clamp(x + 3, 0.0, 6.0) / 6;
            case UnaryKind::HardSwish:
                return x * std::clamp(x + 3, 0.0, 6.0) / 6;
            case UnaryKind::Silu:
                return x / (1 + std::exp(-x));
            case UnaryKind::Gelu:
                break;
            }
            return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
        });
    }
    Values compute(const AddOp&) const {
        Values result = input(0);
        for (std::size_t i = 0; i < result.size(); ++i) {
            result[i] += input(1)[i];
        }
        return result;
    }
    Values compute(const MulOp&) const {
        Values result = input(0);
        const std::size_t each = result.size() / input(1).size();
        for (std::size_t i = 0; i < result.size(); ++i) {
            result[i] *= input(1)[i / each];
        }
        return result;
    }
    Values compute(const ConcatOp&) const {
        Values result;
        for (std::size_t i = 0; i < m_node->inputs.size(); ++i) {
            result.insert(result.end(), input(i).begin(), input(i).end());
        }
        return result;
    }
    Values compute(const FlattenOp&) const { return input(0); }
    Values compute(const SoftmaxOp&) const { return input(0); }
    Values compute(const BatchNormOp&) const { throw std::logic_error("the simulation knows no batch norm"); }

    Values compute(const Pool2dOp& op) const {
        const Shape& in = inputShape();
        const Shape& out = m_node->outputShape;
        Values result;
        for (std::int64_t channel = 0; channel < out[1]; ++channel) {
            for (std::int64_t r = 0; r < out[2]; ++r) {
                for (std::int64_t c = 0; c < out[3]; ++c) {
                    result.push_back(window(op, in, channel, r * op.stride[0] - op.padding[0],
                                            c * op.stride[1] - op.padding[1]));
                }
            }
        }
        return result;
    }
    double window(const Pool2dOp& op, const Shape& in, std::int64_t channel, std::int64_t row,
                  std::int64_t column) const {
        double largest = -std::numeric_limits<double>::infinity();
        double sum = 0;
        int count = 0;
        for (std::int64_t y = row; y < row + op.kernel[0]; ++y) {
            for (std::int64_t x = column; x < column + op.kernel[1]; ++x) {
                const bool isInside = y >= 0 && y < in[2] && x >= 0 && x < in[3];
                const bool isPadding = !isInside && y >= -op.padding[0] && y < in[2] + op.padding[2] &&
                                       x >= -op.padding[1] && x < in[3] + op.padding[3];
                count += isInside || (isPadding && op.countIncludePad) ? 1 : 0;
                if (isInside) {
                    const double v = input(0)[static_cast<std::size_t>((channel * in[2] + y) * in[3] + x)];
                    largest = std::max(largest, v);
                    sum += v;
                }
            }
        }
        return op.kind == PoolKind::Max ? largest : sum / count;
    }
    Values compute(const GlobalAveragePoolOp&) const {
        const Shape& in = inputShape();
        const auto area = static_cast<std::size_t>(rowsOf(in) * columnsOf(in));
        Values result;
        for (std::size_t c = 0; c < static_cast<std::size_t>(in[1]); ++c) {
            double sum = 0;
            for (std::size_t i = 0; i < area; ++i) {
                sum += input(0)[c * area + i];
            }
            result.push_back(sum / static_cast<double>(area));
        }
        return result;
    }

    template <typename Function>
    Values each(const Function& function) const {
        Values result = input(0);
        for (double& x : result) {
            x = function(x);
        }
        return result;
    }

    const PreparedModel& m_model;
    const QuantPlan& m_plan;
    const Node* m_node = nullptr;
    const Layer* m_layer = nullptr;
    SimulatedModel m_result;
};

}  // namespace

SimulatedModel simulate(const PreparedModel& model, const QuantPlan& plan, std::span<const float> image) {
    return Simulation(model, plan).run(image);
}

}  // namespace bitlathe::tests
