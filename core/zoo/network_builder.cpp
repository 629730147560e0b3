#include "core/zoo/network_builder.h"

#include <cmath>
#include <limits>
#include <utility>

namespace bitlathe::core {

namespace {

FloatTensor filled(std::int64_t count, float value) {
    return {{count}, std::vector<float>(static_cast<std::size_t>(count), value)};
}

}  // namespace

NetworkBuilder::NetworkBuilder(std::string name, const Shape& inputShape, Seed seed)
    : m_inputShape({1, inputShape.at(0), inputShape.at(1), inputShape.at(2)}), m_random(seed) {
    m_graph.name = std::move(name);
    append("input", InputOp{}, {}, inputShape[0]);
}

NodeId NetworkBuilder::append(std::string name, Operator op, std::vector<NodeId> inputs,
                              std::int64_t channels) {
    m_channels.push_back(channels);
    return m_graph.append(std::move(name), std::move(op), std::move(inputs));
}

FloatTensor NetworkBuilder::normal(Shape shape, double deviation) {
    std::vector<float> values(static_cast<std::size_t>(elementCount(shape)));
    for (float& value : values) {
        value = static_cast<float>(deviation * m_random.normal());
    }
    return {std::move(shape), std::move(values)};
}

NodeId NetworkBuilder::convBlock(const std::string& name, NodeId input, std::int64_t out, std::int64_t kernel,
                                 std::int64_t stride, Activation kind, std::int64_t groups) {
    const double fanOut = static_cast<double>(out * kernel * kernel) / static_cast<double>(groups);
    const std::int64_t pad = (kernel - 1) / 2;
    Conv2dOp conv;
    conv.weight = normal({out, channels(input) / groups, kernel, kernel}, std::sqrt(2.0 / fanOut));
    conv.stride = {stride, stride};
    conv.padding = {pad, pad, pad, pad};
    conv.groups = groups;
    NodeId node = append(name + ".conv", std::move(conv), {input}, out);
    BatchNormOp norm;
    norm.gamma = filled(out, 1.0F);
    norm.beta = filled(out, 0.0F);
    norm.mean = filled(out, 0.0F);
    norm.variance = filled(out, 1.0F);
    node = append(name + ".bn", std::move(norm), {node}, out);
    return activation(name + ".act", node, kind);
}

NodeId NetworkBuilder::activation(const std::string& name, NodeId input, Activation kind) {
    switch (kind) {
    case Activation::None:
        return input;
    case Activation::Relu:
        return append(name, ClampOp{0.0, std::numeric_limits<double>::infinity()}, {input}, channels(input));
    case Activation::Relu6:
        return append(name, ClampOp{0.0, 6.0}, {input}, channels(input));
    }
    return input;
}

NodeId NetworkBuilder::add(const std::string& name, NodeId a, NodeId b, Activation kind) {
    return activation(name + ".act", append(name, AddOp{}, {a, b}, channels(a)), kind);
}

NodeId NetworkBuilder::maxPool(const std::string& name, NodeId input, std::int64_t kernel,
                               std::int64_t stride, std::int64_t padding) {
    Pool2dOp pool;
    pool.kernel = {kernel, kernel};
    pool.stride = {stride, stride};
    pool.padding = {padding, padding, padding, padding};
    return append(name, pool, {input}, channels(input));
}

void NetworkBuilder::classifier(NodeId input, std::int64_t classes) {
    const std::int64_t features = channels(input);
    const NodeId pooled = append("pool", GlobalAveragePoolOp{}, {input}, features);
    const NodeId flat = append("flatten", FlattenOp{}, {pooled}, features);
    LinearOp linear;
    linear.weight = normal({classes, features}, 0.01);
    linear.bias = filled(classes, 0.0F);
    m_graph.output = append("classifier", std::move(linear), {flat}, classes);
}

Graph NetworkBuilder::finish() {
    inferShapes(m_graph, m_inputShape);
    return std::move(m_graph);
}

}  // namespace bitlathe::core
