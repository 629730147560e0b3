#include "core/ptq/cross_layer_equalization.h"

#include "core/plan/executed_layer.h"
#include "core/ptq/expected_input.h"
#include "core/ptq/layer_edits.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

namespace bitlathe::core {

namespace {

constexpr double kRelu6 = 6.0;
constexpr double kCloseEnough = 1e-3;

bool isRelu(const Operator& op) {
    const auto* const clamp = std::get_if<ClampOp>(&op);
    return clamp != nullptr && clamp->lower == 0 && std::isinf(clamp->upper);
}

bool isRelu6(const Operator& op) {
    const auto* const clamp = std::get_if<ClampOp>(&op);
    return clamp != nullptr && clamp->lower == 0 && clamp->upper == kRelu6;
}

/// Whether scaling the layer's channels scales its output alike.
bool isHomogeneous(const PreparedModel& model, const Layer& layer, bool includesRelu6) {
    if (layer.batchNorm >= 0) {
        return false;
    }
    const Operator& op = model.graph.node(layer.outputNode).op;
    return layer.outputNode == layer.node || isRelu(op) || std::holds_alternative<LeakyReluOp>(op) ||
           (includesRelu6 && isRelu6(op));
}

bool keepsChannels(const Operator& op) {
    return std::holds_alternative<Pool2dOp>(op) || std::holds_alternative<GlobalAveragePoolOp>(op) ||
           std::holds_alternative<FlattenOp>(op);
}

/// The layer with weights that alone reads `node`, through what keeps channels apart; null when there is none.
const Layer* soleReader(const PreparedModel& model, NodeId node) {
    const auto readers = model.graph.consumers();
    while (node != model.graph.output && readers[static_cast<std::size_t>(node)].size() == 1) {
        node = readers[static_cast<std::size_t>(node)].front();
        for (const Layer& layer : model.layers) {
            if (layer.node == node && layer.hasWeights()) {
                return layer.batchNorm >= 0 ? nullptr : &layer;
            }
        }
        if (!keepsChannels(model.graph.node(node).op)) {
            return nullptr;
        }
    }
    return nullptr;
}

/// How the second layer's weights belong to the first one's output channels.
class InputChannels {
public:
    InputChannels(const Graph& graph, const Layer& layer, std::size_t channels)
        : m_inputs(static_cast<std::size_t>(layer.weightShape[1])), m_channels(channels) {
        const auto* const conv = std::get_if<Conv2dOp>(&graph.node(layer.node).op);
        const auto groups = conv == nullptr ? std::size_t{1} : static_cast<std::size_t>(conv->groups);
        m_outputsPerGroup = static_cast<std::size_t>(layer.weightShape[0]) / groups;
        m_places = static_cast<std::size_t>(layer.weightCount) /
                   static_cast<std::size_t>(layer.weightShape[0] * layer.weightShape[1]);
        // A flatten in front of a linear lays a channel's places next to one another.
        m_valuesPerChannel = m_inputs * groups / channels;
    }

    /// The channel of the first layer that weight number `i` multiplies.
    std::size_t of(std::size_t i) const noexcept {
        const std::size_t output = i / (m_inputs * m_places);
        const std::size_t input = i / m_places % m_inputs;
        return (output / m_outputsPerGroup * m_inputs + input) / m_valuesPerChannel;
    }
    std::size_t channels() const noexcept { return m_channels; }

private:
    std::size_t m_inputs;
    std::size_t m_channels;
    std::size_t m_outputsPerGroup = 1;
    std::size_t m_places = 1;
    std::size_t m_valuesPerChannel = 1;
};

std::vector<float> copyOf(const FloatTensor& tensor) {
    return {tensor.values().begin(), tensor.values().end()};
}

/// One pair, once. Returns how far the largest s was from 1.
double equalize(PostTrainingState& state, const Layer& first, const Layer& second) {
    std::vector<float> w1 = copyOf(layerWeights(state.model, first));
    std::vector<float> w2 = copyOf(layerWeights(state.model, second));
    std::vector<float> bias = copyOf(layerBias(state.model, first));
    const auto channels = static_cast<std::size_t>(first.weightShape[0]);
    const std::size_t perChannel = w1.size() / channels;
    const InputChannels inputs(state.model.graph, second, channels);
    std::vector<double> r1(channels, 0.0);
    std::vector<double> r2(channels, 0.0);
    for (std::size_t i = 0; i < w1.size(); ++i) {
        r1[i / perChannel] = std::max(r1[i / perChannel], std::fabs(static_cast<double>(w1[i])));
    }
    for (std::size_t i = 0; i < w2.size(); ++i) {
        r2[inputs.of(i)] = std::max(r2[inputs.of(i)], std::fabs(static_cast<double>(w2[i])));
    }
    std::vector<double> s(channels, 1.0);
    double furthest = 0;
    for (std::size_t c = 0; c < channels; ++c) {
        if (r1[c] > 0 && r2[c] > 0) {
            s[c] = std::sqrt(r1[c] / r2[c]);
        }
        furthest = std::max(furthest, std::fabs(s[c] - 1));
    }
    for (std::size_t i = 0; i < w1.size(); ++i) {
        w1[i] = static_cast<float>(w1[i] / s[i / perChannel]);
    }
    for (std::size_t i = 0; i < w2.size(); ++i) {
        w2[i] = static_cast<float>(w2[i] * s[inputs.of(i)]);
    }
    for (std::size_t c = 0; c < bias.size(); ++c) {
        bias[c] = static_cast<float>(bias[c] / s[c]);
    }
    setLayerWeights(state.model, first, std::move(w1));
    setLayerWeights(state.model, second, std::move(w2));
    if (!bias.empty()) {
        setLayerBias(state.model, first, std::move(bias));
    }
    if (const auto normal = state.preActivation.find(first.id); normal != state.preActivation.end()) {
        for (std::size_t c = 0; c < channels; ++c) {
            normal->second.mean[c] /= s[c];
            normal->second.deviation[c] /= s[c];
        }
    }
    return furthest;
}

/// The pairs both of whose layers the method may change.
std::vector<EqualizationPair> changeablePairs(const PostTrainingState& state, bool includesRelu6) {
    std::vector<EqualizationPair> pairs = equalizationPairs(state.model, includesRelu6);
    std::erase_if(pairs, [&](const EqualizationPair& pair) {
        return !takesPostTraining(state.config, pair.first) || !takesPostTraining(state.config, pair.second);
    });
    return pairs;
}

[[noreturn]] void noPair(std::string_view method, const std::string& needs) {
    throw Error(ErrorCode::InvalidConfig,
                "'" + std::string(method) +
                    "' found no two layers to work on: it needs layers with folded batch norm, the "
                    "second the only reader of the first, with " +
                    needs + " between them; leave it out for this model");
}

/// What the values in front of the activation are like where batch norm does not tell.
void measureNormals(PostTrainingState& state, const PostTrainingTools& tools,
                    const std::vector<EqualizationPair>& pairs) {
    std::vector<NodeId> nodes;
    for (const EqualizationPair& pair : pairs) {
        if (!state.preActivation.contains(pair.first)) {
            nodes.push_back(preActivationNode(*state.model.findLayer(pair.first)));
        }
    }
    if (nodes.empty()) {
        return;
    }
    PostTrainingEngine& engine = tools.requireEngine(HighBiasAbsorption::kName);
    const auto moments = engine.channelMoments(state.model, {}, nodes,
                                               tools.requireData(HighBiasAbsorption::kName), tools.context);
    for (const EqualizationPair& pair : pairs) {
        const auto found = moments.find(preActivationNode(*state.model.findLayer(pair.first)));
        if (found != moments.end()) {
            state.preActivation[pair.first] = {found->second.mean, found->second.deviation};
        }
    }
}

}  // namespace

std::vector<EqualizationPair> equalizationPairs(const PreparedModel& model, bool includesRelu6) {
    std::vector<EqualizationPair> pairs;
    for (const Layer& layer : model.layers) {
        if (!layer.hasWeights() || !isHomogeneous(model, layer, includesRelu6)) {
            continue;
        }
        if (const Layer* const reader = soleReader(model, layer.outputNode)) {
            pairs.push_back({layer.id, reader->id});
        }
    }
    return pairs;
}

void CrossLayerEqualization::apply(PostTrainingState& state, const PostTrainingTools& /*tools*/) const {
    const std::vector<EqualizationPair> pairs = changeablePairs(state, m_relu6 == Relu6::Replace);
    if (pairs.empty()) {
        noPair(kName, "no activation, a relu or a leaky relu");
    }
    for (const EqualizationPair& pair : pairs) {
        Operator& op = state.model.graph.node(state.model.findLayer(pair.first)->outputNode).op;
        if (isRelu6(op)) {
            op = ClampOp{0, std::numeric_limits<double>::infinity()};
        }
    }
    double furthest = std::numeric_limits<double>::infinity();
    for (int round = 0; round < m_rounds && furthest > kCloseEnough; ++round) {
        furthest = 0;
        for (const EqualizationPair& pair : pairs) {
            furthest = std::max(furthest, equalize(state, *state.model.findLayer(pair.first),
                                                   *state.model.findLayer(pair.second)));
        }
    }
}

void HighBiasAbsorption::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    std::vector<EqualizationPair> pairs = changeablePairs(state, false);
    std::erase_if(pairs, [&](const EqualizationPair& pair) {
        return !isRelu(state.model.graph.node(state.model.findLayer(pair.first)->outputNode).op);
    });
    if (pairs.empty()) {
        noPair(kName, "a relu (no relu6: its upper end would move)");
    }
    measureNormals(state, tools, pairs);
    for (const EqualizationPair& pair : pairs) {
        const Layer& first = *state.model.findLayer(pair.first);
        const Layer& second = *state.model.findLayer(pair.second);
        ChannelNormal& normal = state.preActivation.at(first.id);
        std::vector<double> moved(normal.mean.size());
        for (std::size_t c = 0; c < moved.size(); ++c) {
            moved[c] = -std::max(0.0, normal.mean[c] - m_deviations * normal.deviation[c]);
            normal.mean[c] += moved[c];
        }
        const std::vector<float> weights = copyOf(layerWeights(state.model, second));
        const InputChannels inputs(state.model.graph, second, moved.size());
        std::vector<double> gained(static_cast<std::size_t>(second.weightShape[0]), 0.0);
        const std::size_t perOutput = weights.size() / gained.size();
        for (std::size_t i = 0; i < weights.size(); ++i) {
            gained[i / perOutput] -= static_cast<double>(weights[i]) * moved[inputs.of(i)];
        }
        addBeforeActivation(state.model, first, moved);
        addBeforeActivation(state.model, second, gained);
    }
}

}  // namespace bitlathe::core
