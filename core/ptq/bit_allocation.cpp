#include "core/ptq/bit_allocation.h"

#include "core/plan/executed_layer.h"
#include "core/ptq/layer_edits.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/level_table.h"
#include "core/quantizers/weight_normalisation.h"
#include "core/registry/registry.h"
#include "core/types/error.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::core {

namespace {

constexpr int kHighestBits = 8;

bool isPerChannel(const SiteQuant& site) {
    return !site.isFloat() && site.granularity.kind == Granularity::Kind::Channel;
}

/// Adds one channel's scale and zero point to a grid for all, and widens the grid's codes to hold its own.
void append(QParams& all, const QParams& channel) {
    if (all.scale.empty()) {
        all = channel;
        return;
    }
    all.scale.push_back(channel.scale.front());
    all.zeroPoint.push_back(channel.zeroPoint.front());
    all.quantMin = std::min(all.quantMin, channel.quantMin);
    all.quantMax = std::max(all.quantMax, channel.quantMax);
}

/// One channel's grid with its bits; moves its weights inside.
QParams placeChannel(const Layer& layer, const SiteQuant& site, std::span<float> weights, int bits) {
    const auto mean = static_cast<float>(weightMoments(weights).mean);
    if (bits == 0) {
        std::fill(weights.begin(), weights.end(), mean);
    }
    SiteQuant own = site;
    own.granularity = {};
    own.bits = BitWidth(std::max(bits, 1));
    Layer slice = layer;
    const FloatTensor values({1, static_cast<std::int64_t>(weights.size())},
                             std::vector<float>(weights.begin(), weights.end()));
    QParams grid = resolveSite(&slice, values, {layer.id, SiteKind::Weight}, own, nullptr);
    const auto lower = static_cast<float>(grid.representableLower());
    const auto upper = static_cast<float>(grid.representableUpper());
    for (float& w : weights) {
        w = std::clamp(w, lower, upper);
    }
    return grid;
}

void allocateWeights(PostTrainingState& state, const Layer& layer, const BitSharing& sharing) {
    const SiteQuant& site = state.config.layers.at(layer.id).weight;
    const BatchNormMode mode = state.plan.batchNormMode(layer.id);
    const FloatTensor exact = weightsToQuantize(state.model, layer, mode);
    std::vector<float> weights(exact.values().begin(), exact.values().end());
    const auto channels = static_cast<std::size_t>(layer.weightShape[0]);
    const std::size_t run = weights.size() / channels;
    std::vector<double> spread;
    for (std::size_t c = 0; c < channels; ++c) {
        spread.push_back(weightMoments(exact.values().subspan(c * run, run)).deviation);
    }
    const std::vector<int> bits = sharing.share(spread, site.bits->bits());
    QParams grid;
    for (std::size_t c = 0; c < channels; ++c) {
        append(grid, placeChannel(layer, site, std::span<float>(weights).subspan(c * run, run), bits[c]));
    }
    grid.axis = 0;
    state.plan.channelBits[{layer.id, SiteKind::Weight}] = bits;
    state.plan.sites[{layer.id, SiteKind::Weight}] = std::move(grid);
    setQuantizedWeights(state.model, layer, mode, weights);
}

/// README eq. 55.
Range clipped(const ChannelMoments& before, const Range& seen, std::size_t c, int bits, ClipPrior prior) {
    const bool isOneSided = seen.lower >= 0;
    const double scale = prior == ClipPrior::Laplace ? before.absoluteDeviation[c] : before.deviation[c];
    const double reach = scale * optimalClip(prior, static_cast<double>(1 << bits), isOneSided);
    if (isOneSided) {
        return {0, std::min(seen.upper, std::max(before.mean[c], 0.0) + reach)};
    }
    return {std::max(seen.lower, before.mean[c] - reach), std::min(seen.upper, before.mean[c] + reach)};
}

LevelTable levelsOf(const Range& range, int bits, double mean) {
    if (bits == 0) {
        return midpointTable({static_cast<float>(mean)});
    }
    const QParams grid =
        AffineQuantizer(AffineQuantizer::Codes::Unsigned, Rounding::HalfEven).qparams(range, BitWidth(bits));
    std::vector<float> levels;
    for (std::int32_t code = grid.quantMin; code <= grid.quantMax; ++code) {
        levels.push_back(static_cast<float>(grid.value(code)));
    }
    return midpointTable(std::move(levels));
}

}  // namespace

std::vector<int> BitSharing::share(std::span<const double> spread, int siteBits) const {
    const double mean = target > 0 ? target : static_cast<double>(siteBits);
    return rule == Rule::Greedy ? allocateBitsGreedily(spread, mean, prior, kHighestBits).bits
                                : allocateBits(spread, mean, rounding, kHighestBits).bits;
}

void WeightBitAllocation::apply(PostTrainingState& state, const PostTrainingTools& /*tools*/) const {
    bool isAny = false;
    for (const Layer* const layer : correctableLayers(state, kName)) {
        if (isPerChannel(state.config.layers.at(layer->id).weight) &&
            state.plan.sites.at({layer->id, SiteKind::Weight}).isUniform()) {
            allocateWeights(state, *layer, m_sharing);
            isAny = true;
        }
    }
    if (!isAny) {
        throw Error(ErrorCode::InvalidConfig, "'weight_bit_allocation' shares bits among channels, and no "
                                              "layer has weights quantized per channel "
                                              "on an evenly spaced grid; set their granularity to 'channel'");
    }
}

void ActivationBitAllocation::apply(PostTrainingState& state, const PostTrainingTools& tools) const {
    std::vector<const Layer*> layers;
    std::vector<NodeId> nodes;
    for (const Layer& layer : state.model.layers) {
        if (layer.isQuantizable && takesPostTraining(state.config, layer.id) &&
            isPerChannel(state.config.layers.at(layer.id).output)) {
            layers.push_back(&layer);
            nodes.push_back(layer.outputNode);
            nodes.push_back(preActivationNode(layer));
        }
    }
    if (layers.empty()) {
        throw Error(ErrorCode::InvalidConfig, "'activation_bit_allocation' shares bits among channels, and "
                                              "no layer has an output quantized per "
                                              "channel; set their granularity to 'channel'");
    }
    const auto moments = tools.requireEngine(kName).channelMoments(floatModel(state.model), {}, nodes,
                                                                   tools.requireData(kName), tools.context);
    for (const Layer* const layer : layers) {
        const ChannelMoments& before = moments.at(preActivationNode(*layer));
        const ChannelMoments& seen = moments.at(layer->outputNode);
        const std::vector<double>& spread =
            m_sharing.prior == ClipPrior::Laplace ? before.absoluteDeviation : before.deviation;
        const SiteQuant& site = state.config.layers.at(layer->id).output;
        const std::vector<int> bits = m_sharing.share(spread, site.bits->bits());
        std::vector<LevelTable> tables;
        for (std::size_t c = 0; c < bits.size(); ++c) {
            const Range range = m_clip == Clip::None || bits[c] == 0
                                    ? seen.range[c]
                                    : clipped(before, seen.range[c], c, bits[c], m_sharing.prior);
            tables.push_back(levelsOf(range, bits[c], seen.mean[c]));
        }
        state.plan.channelBits[{layer->id, SiteKind::Output}] = bits;
        state.plan.sites[{layer->id, SiteKind::Output}] = tableGrid(std::move(tables), 1);
    }
}

}  // namespace bitlathe::core
