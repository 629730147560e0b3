#include "core/ptq/cross_layer_equalization.h"

#include "core/plan/executed_layer.h"
#include "core/ptq/equalization_noise.h"
#include "core/ptq/equalization_scales.h"
#include "core/ptq/input_channels.h"
#include "core/ptq/layer_edits.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace bitlathe::core {

namespace {

constexpr double kCloseEnough = 1e-3;

bool isRelu(const Operator& op) {
    const auto* const clamp = std::get_if<ClampOp>(&op);
    return clamp != nullptr && clamp->lower == 0 && std::isinf(clamp->upper);
}

/// A relu with an upper end: relu6, or what scaling made of one.
bool isCappedRelu(const Operator& op) {
    const auto* const clamp = std::get_if<ClampOp>(&op);
    return clamp != nullptr && clamp->lower == 0 && std::isfinite(clamp->upper);
}

/// Whether scaling the layer's channels scales its output alike.
bool isHomogeneous(const PreparedModel& model, const Layer& layer, bool includesRelu6) {
    if (layer.batchNorm >= 0) {
        return false;
    }
    const Operator& op = model.graph.node(layer.outputNode).op;
    return layer.outputNode == layer.node || isRelu(op) || std::holds_alternative<LeakyReluOp>(op) ||
           (includesRelu6 && isCappedRelu(op));
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

std::vector<float> copyOf(const FloatTensor& tensor) {
    return {tensor.values().begin(), tensor.values().end()};
}

/// README eq. 52.
std::vector<double> evenScales(const PreparedModel& model, const Layer& first, const Layer& second) {
    const FloatTensor w1 = layerWeights(model, first);
    const FloatTensor w2 = layerWeights(model, second);
    const auto channels = static_cast<std::size_t>(first.weightShape[0]);
    const std::size_t perChannel = static_cast<std::size_t>(w1.size()) / channels;
    const InputChannels inputs(model.graph, second, channels);
    std::vector<double> r1(channels, 0.0);
    std::vector<double> r2(channels, 0.0);
    for (std::size_t i = 0; i < w1.values().size(); ++i) {
        r1[i / perChannel] = std::max(r1[i / perChannel], std::fabs(static_cast<double>(w1.values()[i])));
    }
    for (std::size_t i = 0; i < w2.values().size(); ++i) {
        r2[inputs.of(i)] = std::max(r2[inputs.of(i)], std::fabs(static_cast<double>(w2.values()[i])));
    }
    std::vector<double> s(channels, 1.0);
    for (std::size_t c = 0; c < channels; ++c) {
        if (r1[c] > 0 && r2[c] > 0) {
            s[c] = std::sqrt(r1[c] / r2[c]);
        }
    }
    return s;
}

/// Divides what the activation lets through at most; a common end becomes one for each channel.
void scaleActivation(PostTrainingState& state, const Layer& layer, std::span<const double> s) {
    Operator& op = state.model.graph.node(layer.outputNode).op;
    if (!isCappedRelu(op)) {
        return;
    }
    auto& clamp = std::get<ClampOp>(op);
    if (!clamp.isPerChannel()) {
        clamp.channelUpper.assign(s.size(), clamp.upper);
    }
    for (std::size_t c = 0; c < s.size(); ++c) {
        // Float, as files keep it: a model saved and loaded again is the same one.
        clamp.channelUpper[c] = static_cast<float>(clamp.channelUpper[c] / s[c]);
    }
    clamp.upper = *std::max_element(clamp.channelUpper.begin(), clamp.channelUpper.end());
}

/// Divides the first layer's channels by s, and what is known of their values, and multiplies the second one's weights.
void scalePair(PostTrainingState& state, const Layer& first, const Layer& second, std::span<const double> s) {
    std::vector<float> w1 = copyOf(layerWeights(state.model, first));
    std::vector<float> w2 = copyOf(layerWeights(state.model, second));
    std::vector<float> bias = copyOf(layerBias(state.model, first));
    const std::size_t perChannel = w1.size() / s.size();
    const InputChannels inputs(state.model.graph, second, s.size());
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
    scaleActivation(state, first, s);
    if (const auto normal = state.preActivation.find(first.id); normal != state.preActivation.end()) {
        for (std::size_t c = 0; c < s.size(); ++c) {
            normal->second.mean[c] /= s[c];
            normal->second.deviation[c] /= s[c];
        }
    }
}

double furthestFromOne(std::span<const double> scales) {
    double furthest = 0;
    for (const double s : scales) {
        furthest = std::max(furthest, std::fabs(s - 1));
    }
    return furthest;
}

/// Whether calibration kept sums and histograms of each channel, or extrema alone (ChannelDetail).
bool knowsChannels(const Statistics& statistics) {
    return std::all_of(statistics.sites.begin(), statistics.sites.end(), [](const auto& site) {
        return site.first.kind == SiteKind::Weight || !site.second.channels.empty();
    });
}

/// Makes every relu6 between pairs a relu, and looks again at what passes then.
void replaceRelu6(PostTrainingState& state, const PostTrainingTools& tools,
                  std::span<const EqualizationPair> pairs) {
    bool isAny = false;
    for (const EqualizationPair& pair : pairs) {
        Operator& op = state.model.graph.node(state.model.findLayer(pair.first)->outputNode).op;
        if (isCappedRelu(op)) {
            op = ClampOp{0, std::numeric_limits<double>::infinity()};
            isAny = true;
        }
    }
    if (isAny && tools.calibrate) {
        state.model.hash = graphHash(state.model.graph);
        state.statistics = tools.calibrate(state.model);
    }
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

void CrossLayerEqualization::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    const std::vector<EqualizationPair> pairs = changeablePairs(state, m_relu6 != Relu6::Keep);
    if (pairs.empty()) {
        noPair(kName, "no activation, a relu or a leaky relu");
    }
    if (m_relu6 == Relu6::Replace) {
        replaceRelu6(state, tools, pairs);
    }
    std::optional<EqualizationNoise> noise;
    if (m_balance == Balance::Error) {
        if (tools.calibrate && !knowsChannels(state.statistics)) {
            state.statistics = tools.calibrate(state.model);
        }
        noise.emplace(state);
    }
    double furthest = std::numeric_limits<double>::infinity();
    for (int round = 0; round < m_rounds && furthest > kCloseEnough; ++round) {
        furthest = 0;
        for (const EqualizationPair& pair : pairs) {
            const Layer& first = *state.model.findLayer(pair.first);
            const Layer& second = *state.model.findLayer(pair.second);
            const std::vector<double> s = noise ? quietestScales(noise->channels(first, second))
                                                : evenScales(state.model, first, second);
            scalePair(state, first, second, s);
            if (noise) {
                noise->scale(first, second, s);
            }
            furthest = std::max(furthest, furthestFromOne(s));
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
