#include "core/ptq/expected_input.h"

#include "core/plan/executed_layer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <variant>

namespace bitlathe::core {

namespace {

double density(double t) {
    return std::isinf(t) ? 0.0 : std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
}

double distribution(double t) {
    return 0.5 * std::erfc(-t / std::numbers::sqrt2);
}

using Means = std::optional<std::vector<double>>;

/// The normal in front of the activation of the layer that ends at `node`, sent through the activation.
Means layerOutput(const PostTrainingState& state, const Layer& layer) {
    const auto normal = state.preActivation.find(layer.id);
    if (normal == state.preActivation.end()) {
        return std::nullopt;
    }
    if (layer.outputNode == preActivationNode(layer)) {
        return normal->second.mean;
    }
    const auto* const clamp = std::get_if<ClampOp>(&state.model.graph.node(layer.outputNode).op);
    if (clamp == nullptr) {
        return std::nullopt;
    }
    std::vector<double> means(normal->second.mean.size());
    for (std::size_t c = 0; c < means.size(); ++c) {
        const double upper = clamp->isPerChannel() ? clamp->channelUpper[c] : clamp->upper;
        means[c] =
            clampedNormalMean(normal->second.mean[c], normal->second.deviation[c], clamp->lower, upper);
    }
    return means;
}

/// Each channel's mean for all its places, in the order a flatten lays them out.
Means flattened(const Means& channels, const Shape& shape) {
    if (!channels) {
        return std::nullopt;
    }
    const auto places = static_cast<std::size_t>(elementCount(shape)) / channels->size();
    std::vector<double> means;
    for (const double mean : *channels) {
        means.insert(means.end(), places, mean);
    }
    return means;
}

Means combined(const PostTrainingState& state, const Node& node) {
    std::vector<double> means;
    const bool isSum = std::holds_alternative<AddOp>(node.op);
    for (const NodeId input : node.inputs) {
        const Means part = expectedValue(state, input);
        if (!part) {
            return std::nullopt;
        }
        if (!isSum || means.empty()) {
            means.insert(means.end(), part->begin(), part->end());
        } else {
            std::transform(means.begin(), means.end(), part->begin(), means.begin(), std::plus<>());
        }
    }
    return means;
}

}  // namespace

double clampedNormalMean(double mean, double deviation, double lower, double upper) noexcept {
    if (!(deviation > 0)) {
        return std::clamp(mean, lower, upper);
    }
    const double a = (lower - mean) / deviation;
    const double b = (upper - mean) / deviation;
    const double below = distribution(a);
    const double above = distribution(-b);
    double expected = mean * (1 - below - above) + deviation * (density(a) - density(b));
    expected += below > 0 && std::isfinite(lower) ? lower * below : 0.0;
    expected += above > 0 && std::isfinite(upper) ? upper * above : 0.0;
    return expected;
}

std::optional<std::vector<double>> expectedValue(const PostTrainingState& state, NodeId id) {
    for (const Layer& layer : state.model.layers) {
        if (layer.outputNode == id && layer.hasWeights()) {
            return layerOutput(state, layer);
        }
    }
    const Node& node = state.model.graph.node(id);
    if (std::holds_alternative<GlobalAveragePoolOp>(node.op)) {
        return expectedValue(state, node.inputs.front());
    }
    if (std::holds_alternative<FlattenOp>(node.op)) {
        const NodeId input = node.inputs.front();
        return flattened(expectedValue(state, input), state.model.graph.node(input).outputShape);
    }
    const auto* const concat = std::get_if<ConcatOp>(&node.op);
    if (std::holds_alternative<AddOp>(node.op) || (concat != nullptr && concat->axis == 1)) {
        return combined(state, node);
    }
    return std::nullopt;
}

std::vector<double> outputShift(const Graph& graph, const Layer& layer, const std::vector<double>& difference,
                                const std::vector<double>& inputMean) {
    const auto* const conv = std::get_if<Conv2dOp>(&graph.node(layer.node).op);
    const std::size_t groups = conv == nullptr ? 1 : static_cast<std::size_t>(conv->groups);
    const auto outputs = static_cast<std::size_t>(layer.weightShape[0]);
    const auto inputs = static_cast<std::size_t>(layer.weightShape[1]);
    const std::size_t places = difference.size() / (outputs * inputs);
    std::vector<double> shift(outputs, 0.0);
    for (std::size_t c = 0; c < outputs; ++c) {
        const std::size_t first = c / (outputs / groups) * inputs;
        for (std::size_t i = 0; i < inputs; ++i) {
            double sum = 0;
            for (std::size_t p = 0; p < places; ++p) {
                sum += difference[(c * inputs + i) * places + p];
            }
            shift[c] += sum * inputMean[first + i];
        }
    }
    return shift;
}

}  // namespace bitlathe::core
