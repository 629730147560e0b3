#include "tests/support/random_model.h"

#include "core/graph/prepare.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "tests/support/random_graph.h"
#include "tests/support/simulated_model.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>

namespace bitlathe::tests {

using namespace core;

namespace {

class Drawing {
public:
    explicit Drawing(unsigned seed) : m_generator(seed), m_seed(seed) {}

    Graph draw() {
        m_graph.name = "random" + std::to_string(m_seed);
        const std::int64_t rows = 5 + pick(8);
        const std::int64_t columns = 5 + pick(8);
        m_graph.nodes.push_back({"input", InputOp{}, {}, {1, oneOf({1, 1, 3, 4}), rows, columns}});
        NodeId x = activated(conv(0, oneOf({3, 8, 16}), 1));
        const int steps = 2 + static_cast<int>(pick(4));
        for (int i = 0; i < steps; ++i) {
            x = step(x);
        }
        if (pick(2) == 0) {
            x = append("gap", GlobalAveragePoolOp{}, {x});
        }
        x = append("flatten", FlattenOp{}, {x});
        m_graph.output = linear(x, 5);
        return std::move(m_graph);
    }

private:
    std::int64_t pick(std::int64_t bound) {
        return static_cast<std::int64_t>(m_generator() % static_cast<std::uint32_t>(bound));
    }
    std::int64_t oneOf(std::initializer_list<std::int64_t> choices) {
        return *(choices.begin() + pick(static_cast<std::int64_t>(choices.size())));
    }
    const Shape& shape(NodeId node) const { return m_graph.node(node).outputShape; }

    NodeId append(const std::string& name, Operator op, std::vector<NodeId> inputs) {
        const NodeId node =
            m_graph.append(name + std::to_string(m_count++), std::move(op), std::move(inputs));
        inferShape(m_graph, node);
        return node;
    }

    /// groups 0: depthwise.
    NodeId conv(NodeId x, std::int64_t outputs, std::int64_t groups, std::int64_t kernel = 3,
                std::int64_t stride = 1) {
        Conv2dOp op;
        const std::int64_t inputs = shape(x)[1];
        kernel = kernel - 2 > std::min(shape(x)[2], shape(x)[3]) ? 1 : kernel;  // padding adds 2 or more
        op.groups = groups == 0 ? inputs : groups;
        const bool isDilated = kernel > 1 && pick(6) == 0 && shape(x)[2] > 4 && shape(x)[3] > 4;
        op.dilation = isDilated ? std::array<std::int64_t, 2>{2, 2} : std::array<std::int64_t, 2>{1, 1};
        op.stride = {stride, stride};
        if (kernel > 1) {
            const std::int64_t same = isDilated ? 2 : 1;
            op.padding = pick(4) == 0 ? std::array<std::int64_t, 4>{0, 0, 2 * same, 2 * same}
                                      : std::array<std::int64_t, 4>{same, same, same, same};
        }
        std::vector<float> weight = normal(outputs * (inputs / op.groups) * kernel * kernel, 0.4F);
        if (pick(4) == 0) {  // a dead channel
            std::fill_n(weight.begin(), weight.size() / static_cast<std::size_t>(outputs), 0.0F);
        }
        op.weight = FloatTensor({outputs, inputs / op.groups, kernel, kernel}, std::move(weight));
        if (pick(4) != 0) {
            op.bias = FloatTensor({outputs}, normal(outputs, 0.3F));
        }
        return append("conv", op, {x});
    }
    NodeId linear(NodeId x, std::int64_t outputs) {
        const std::int64_t inputs = elementCount(shape(x));
        LinearOp op{FloatTensor({outputs, inputs}, normal(outputs * inputs, 0.3F)),
                    FloatTensor({outputs}, normal(outputs, 0.2F))};
        return append("linear", op, {x});
    }
    std::vector<float> normal(std::int64_t count, float deviation) {
        std::normal_distribution<float> distribution(0, deviation);
        std::vector<float> values(static_cast<std::size_t>(count));
        std::generate(values.begin(), values.end(), [&] { return distribution(m_generator); });
        return values;
    }

    NodeId activated(NodeId x) {
        switch (pick(8)) {
        case 0:
            return x;
        case 1:
            return append("act", ClampOp{0, 6}, {x});
        case 2:
            return append("act", ClampOp{-1, 1}, {x});
        case 3:
            return append("act", UnaryOp{UnaryKind::Sigmoid}, {x});
        case 4:
            return append("act", LeakyReluOp{0.125}, {x});
        default:
            return append("act", ClampOp{0, std::numeric_limits<double>::infinity()}, {x});
        }
    }
    NodeId reluOrNot(NodeId x) {
        return pick(2) == 0 ? x : append("act", ClampOp{0, std::numeric_limits<double>::infinity()}, {x});
    }

    NodeId step(NodeId x) {
        const std::int64_t channels = shape(x)[1];
        switch (pick(10)) {
        case 0:
            return activated(conv(x, oneOf({4, 7, 16, 33}), 1, 3, oneOf({1, 2})));
        case 1:
            return activated(conv(x, channels, 0, oneOf({3, 3, 5}), oneOf({1, 2})));
        case 2:
            return activated(conv(x, oneOf({5, 8, 24}), 1, 1));
        case 3:
            return channels % 2 == 0 ? activated(conv(x, channels, 2)) : x;
        case 4:
            return reluOrNot(append("add", AddOp{}, {activated(conv(x, channels, 1, 1)), x}));
        case 5:
            return append("concat", ConcatOp{1}, {activated(conv(x, 4, 1, 1)), x});
        case 6:
            return pool(x);
        case 7:
            return append("mul", MulOp{}, {x, sigmoidGate(x)});
        case 8:
            return append("unary", UnaryOp{static_cast<UnaryKind>(pick(6))},
                          {append("cat", ConcatOp{1}, {x, x})});
        default:
            return append("clamp", ClampOp{-0.5, 2}, {append("cat", ConcatOp{1}, {x, x})});
        }
    }
    NodeId sigmoidGate(NodeId x) {
        const NodeId mean = append("squeeze", GlobalAveragePoolOp{}, {x});
        return append("act", UnaryOp{UnaryKind::Sigmoid}, {conv(mean, shape(x)[1], 1, 1)});
    }
    NodeId pool(NodeId x) {
        if (shape(x)[2] < 3 || shape(x)[3] < 3) {
            return x;
        }
        Pool2dOp op;
        op.kind = pick(2) == 0 ? PoolKind::Max : PoolKind::Average;
        op.kernel = {oneOf({2, 3}), oneOf({2, 3})};
        op.stride = {oneOf({1, 2}), oneOf({1, 2})};
        op.padding =
            pick(2) == 0 ? std::array<std::int64_t, 4>{0, 0, 0, 0} : std::array<std::int64_t, 4>{1, 1, 1, 1};
        op.ceilMode = pick(2) == 0;
        op.countIncludePad = pick(2) == 0;
        return append("pool", op, {x});
    }

    std::mt19937 m_generator;
    unsigned m_seed;
    Graph m_graph;
    int m_count = 0;
};

/// Extrema of every output site on a few images.
std::map<SiteId, Range> observedRanges(const PreparedModel& model) {
    std::map<SiteId, Range> ranges;
    const auto observe = [&](const LayerId& layer, const std::vector<double>& values) {
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        auto [entry, isNew] = ranges.try_emplace(SiteId{layer, SiteKind::Output}, Range{*low, *high});
        entry->second = {std::min(entry->second.lower, *low), std::max(entry->second.upper, *high)};
    };
    for (unsigned i = 0; i < 3; ++i) {
        const SimulatedModel run = simulate(model, {}, randomImage(model, 100 + i));
        observe(kInputLayer, run.values.at(0));
        for (const Layer& layer : model.layers) {
            observe(layer.id, run.values.at(layer.outputNode));
        }
    }
    return ranges;
}

}  // namespace

PreparedModel randomModel(unsigned seed) {
    return prepare(Drawing(seed).draw());
}

QuantPlan randomPlan(const PreparedModel& model, unsigned seed, const PlanChoices& choices) {
    std::mt19937 generator(seed);
    const auto oneOf = [&](const std::vector<int>& bits) { return bits[generator() % bits.size()]; };
    const auto grid = [&](std::span<const Range> ranges, int bits, std::optional<int> axis) {
        const std::string name = choices.powerOfTwo                 ? "power_of_two"
                                 : bits > 1 && generator() % 2 == 0 ? "symmetric"
                                                                    : "affine";
        // A symmetric grid of one bit has no code but zero.
        const bool needsUnsigned = bits == 1 && choices.powerOfTwo;
        const auto quantizer = quantizerRegistry().create({name, {}});
        return quantizer->qparams(ranges, BitWidth(needsUnsigned ? 2 : bits), axis);
    };
    QuantPlan plan;
    for (const auto& [site, range] : observedRanges(model)) {
        const Layer* const layer = model.findLayer(site.layer);
        const bool isLast = layer != nullptr && layer->outputNode == model.graph.output;
        if ((layer == nullptr || layer->isQuantizable) && !(isLast && choices.isLastOutputFloat)) {
            plan.sites[site] = grid({&range, 1}, oneOf(choices.outputBits), std::nullopt);
        }
    }
    for (const Layer& layer : model.layers) {
        if (!layer.hasWeights()) {
            continue;
        }
        const FloatTensor weights = layerWeights(model, layer);
        const bool isPerChannel = generator() % 2 == 0;
        const std::size_t slices = isPerChannel ? static_cast<std::size_t>(weights.shape()[0]) : 1;
        std::vector<Range> ranges;
        for (std::size_t s = 0; s < slices; ++s) {
            const auto slice =
                weights.values().subspan(s * (static_cast<std::size_t>(weights.size()) / slices),
                                         static_cast<std::size_t>(weights.size()) / slices);
            const auto [low, high] = std::minmax_element(slice.begin(), slice.end());
            ranges.push_back({static_cast<double>(*low), static_cast<double>(*high)});
        }
        plan.sites[{layer.id, SiteKind::Weight}] =
            grid(ranges, oneOf(choices.weightBits), isPerChannel ? std::optional<int>(0) : std::nullopt);
    }
    return plan;
}

std::vector<float> randomImage(const PreparedModel& model, unsigned seed) {
    const FloatTensor image = randomTensor(model.graph.inputShape(), seed);
    return {image.values().begin(), image.values().end()};
}

}  // namespace bitlathe::tests
