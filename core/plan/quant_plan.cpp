#include "core/plan/quant_plan.h"

#include "core/graph/batch_norm.h"
#include "core/observers/observer.h"
#include "core/quantizers/quantizer.h"
#include "core/registry/registry.h"
#include "core/types/collect_statistics.h"
#include "core/types/error.h"

#include <algorithm>
#include <string>
#include <variant>

namespace bitlathe::core {

namespace {

std::string siteName(const SiteId& id) {
    if (id.layer == kInputLayer) {
        return "the graph input";
    }
    return (id.kind == SiteKind::Weight ? "weights of '" : "output of '") + id.layer.str() + "'";
}

[[noreturn]] void fail(ErrorCode code, const SiteId& id, const std::string& text) {
    throw Error(code, siteName(id) + ": " + text);
}

/// Slices of `channels` channels that share a scale: their number and how many channels each has.
struct Slicing {
    std::int64_t slices = 1;
    std::int64_t channelsPerSlice = 1;
};

Slicing slicing(const SiteId& id, const Granularity& granularity, std::int64_t channels) {
    switch (granularity.kind) {
    case Granularity::Kind::Tensor:
        return {1, channels};
    case Granularity::Kind::Channel:
        return {channels, 1};
    case Granularity::Kind::Group:
        break;
    }
    if (granularity.groupSize < 1 || channels % granularity.groupSize != 0) {
        fail(ErrorCode::InvalidConfig, id,
             "groups of " + std::to_string(granularity.groupSize) + " channels do not divide its " +
                 std::to_string(channels) + " channels; choose a divisor, per channel or per tensor");
    }
    return {channels / granularity.groupSize, granularity.groupSize};
}

SiteStatistics extremaOnly(const Range& range, std::uint64_t count) {
    SiteStatistics statistics;
    statistics.count = count;
    statistics.minimum = range.lower;
    statistics.maximum = range.upper;
    return statistics;
}

/// One range per slice of the weights, each from the slice's own statistics.
std::vector<Range> weightRanges(const SiteId& id, const FloatTensor& weights, const Slicing& slicing,
                                const Observer& observer, const Quantizer& quantizer, BitWidth bits) {
    std::vector<Range> ranges;
    const std::span<const float> values = weights.values();
    const std::size_t run = values.size() / static_cast<std::size_t>(slicing.slices);
    for (std::int64_t s = 0; s < slicing.slices; ++s) {
        const auto slice = values.subspan(static_cast<std::size_t>(s) * run, run);
        if (observer.needsOnlyExtrema()) {
            const Moments sliceMoments = moments(slice);
            if (!sliceMoments.isFinite) {
                fail(ErrorCode::NonFiniteInput, id, "NaN or infinity in slice " + std::to_string(s));
            }
            ranges.push_back(
                observer.range(extremaOnly({sliceMoments.minimum, sliceMoments.maximum}, sliceMoments.count),
                               quantizer, bits));
        } else {
            ranges.push_back(observer.range(collectStatistics(slice, 1, 1, static_cast<std::int64_t>(run)),
                                            quantizer, bits));
        }
    }
    return ranges;
}

/// Statistics of each slice of an activation. Where calibration kept the extrema alone, so do they.
std::vector<SiteStatistics> sliceStatistics(const SiteStatistics& statistics, const Slicing& slicing) {
    std::vector<SiteStatistics> slices;
    const auto width = static_cast<std::size_t>(slicing.channelsPerSlice);
    for (std::size_t s = 0; s < static_cast<std::size_t>(slicing.slices); ++s) {
        if (!statistics.channels.empty()) {
            slices.push_back(statistics.ofChannels(s * width, width));
            continue;
        }
        Range range = statistics.channelRanges[s * width];
        for (std::size_t c = s * width; c < (s + 1) * width; ++c) {
            const Range& next = statistics.channelRanges[c];
            range = {std::min(range.lower, next.lower), std::max(range.upper, next.upper)};
        }
        slices.push_back(extremaOnly(range, statistics.count));
    }
    return slices;
}

/// One range per slice of an activation.
std::vector<Range> channelRanges(const SiteId& id, const std::vector<SiteStatistics>& slices,
                                 const MethodSpec& observerSpec, const Observer& observer,
                                 const Quantizer& quantizer, BitWidth bits) {
    std::vector<Range> ranges;
    for (const SiteStatistics& slice : slices) {
        if (slice.histogram.empty() && !observer.needsOnlyExtrema()) {
            fail(ErrorCode::InvalidConfig, id,
                 "observer '" + observerSpec.name +
                     "' needs more than the extrema these statistics keep per channel; calibrate again, use "
                     "'min_max' "
                     "or one scale per tensor");
        }
        ranges.push_back(observer.range(slice, quantizer, bits));
    }
    return ranges;
}

const FloatTensor* weightOf(const Node& node) {
    if (const auto* conv = std::get_if<Conv2dOp>(&node.op)) {
        return &conv->weight;
    }
    if (const auto* linear = std::get_if<LinearOp>(&node.op)) {
        return &linear->weight;
    }
    return nullptr;
}

void recordBatchNorm(const Layer& layer, const LayerQuant& quant, QuantPlan& plan) {
    const bool isWanted = layer.hasBatchNorm && quant.batchNorm != BatchNormMode::Folded;
    if (isWanted != (layer.batchNorm >= 0)) {
        throw Error(
            ErrorCode::InvalidConfig,
            "layer '" + layer.id.str() + "': the model was prepared with its batch norm " +
                (isWanted ? "folded, the configuration keeps it" : "kept, the configuration folds it") +
                "; prepare the model for this configuration");
    }
    if (isWanted) {
        plan.batchNorm.emplace(layer.id, quant.batchNorm);
    }
}

const BatchNormOp* keptNorm(const PreparedModel& model, const Layer& layer) {
    return layer.batchNorm < 0 ? nullptr : std::get_if<BatchNormOp>(&model.graph.node(layer.batchNorm).op);
}

std::vector<Range> siteRanges(const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                              const SiteStatistics* statistics, const Quantizer& quantizer,
                              const Slicing& slices, const std::vector<SiteStatistics>& ofSlices) {
    if (quant.manualRange) {
        if (quant.granularity.kind != Granularity::Kind::Tensor) {
            fail(ErrorCode::InvalidConfig, id,
                 "a range set by hand is for one scale per tensor; clear the range or choose per tensor");
        }
        return {*quant.manualRange};
    }
    const std::unique_ptr<Observer> observer = observerRegistry().create(quant.observer);
    if (id.kind == SiteKind::Weight && (statistics == nullptr || slices.slices > 1)) {
        return weightRanges(id, weights, slices, *observer, quantizer, *quant.bits);
    }
    if (slices.slices > 1) {
        return channelRanges(id, ofSlices, quant.observer, *observer, quantizer, *quant.bits);
    }
    return {observer->range(*statistics, quantizer, *quant.bits)};
}

/// What the quantizer may look at beside the ranges: the values of a weight, the statistics of an activation.
FitInput fitInput(const FloatTensor& weights, const SiteId& id, const SiteStatistics* statistics,
                  const std::vector<SiteStatistics>& ofSlices, const std::vector<Range>& ranges) {
    FitInput input;
    input.kind = id.kind;
    const std::size_t run = weights.values().size() / ranges.size();
    for (std::size_t s = 0; s < ranges.size(); ++s) {
        FitSlice slice;
        slice.range = ranges[s];
        if (id.kind == SiteKind::Weight) {
            slice.values = weights.values().subspan(s * run, run);
        } else if (!ofSlices.empty()) {
            slice.statistics = &ofSlices[s];
        } else if (ranges.size() == 1 && statistics != nullptr && !statistics->empty()) {
            slice.statistics = statistics;
        }
        input.slices.push_back(slice);
    }
    return input;
}

void requireFittable(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                     const SiteStatistics* statistics) {
    if (quant.isFloat()) {
        fail(ErrorCode::InvalidConfig, id, "is float and has no quantization parameters");
    }
    const bool isWeight = id.kind == SiteKind::Weight;
    if (isWeight && (layer != nullptr && !layer->hasWeights())) {
        fail(ErrorCode::InvalidConfig, id, "the layer has no weights to quantize");
    }
    if (isWeight && weights.size() == 0) {
        fail(ErrorCode::InvalidConfig, id, "no weights were given");
    }
    if (!isWeight && !quant.manualRange && (statistics == nullptr || statistics->empty())) {
        fail(ErrorCode::NotCalibrated, id, "no statistics yet; calibrate the model on data first");
    }
}

std::int64_t channelsOf(const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                        const SiteStatistics* statistics) {
    if (id.kind == SiteKind::Weight) {
        return weights.shape().empty() ? 1 : weights.shape().front();
    }
    if (quant.granularity.kind == Granularity::Kind::Tensor || statistics == nullptr) {
        return 1;
    }
    const auto channels = static_cast<std::int64_t>(statistics->channelRanges.size());
    if (channels == 0 && !quant.manualRange) {
        fail(ErrorCode::InvalidConfig, id,
             "calibration kept no ranges per channel for it; use one scale per tensor");
    }
    return channels;
}

/// Weights that stay normalised need a batch norm that learned, or learns, to live with their scale.
void requireNormBehind(const Layer& layer, const LayerQuant& quant) {
    const auto& params = quant.weight.quantizer.params;
    const auto found = params.find("normalisation");
    const bool isKeptBehind = layer.hasBatchNorm && (quant.batchNorm == BatchNormMode::NotFolded ||
                                                     quant.batchNorm == BatchNormMode::Icn);
    if (found != params.end() && found->second == 2 && !isKeptBehind) {
        fail(ErrorCode::InvalidConfig, {layer.id, SiteKind::Weight},
             "normalisation 'var_mean_unrestored' takes away their scale, which a batch norm of the layer's "
             "own has to "
             "give back; set its batch_norm to 'not_folded' or 'icn', or choose 'var_mean'");
    }
}

/// An input's or output's grid, or the note that each batch makes its own.
void resolveValues(const Layer* layer, const SiteId& id, const SiteQuant& quant, const Statistics& statistics,
                   QuantPlan& plan) {
    if (quant.ranges == RangeTime::Online) {
        if (quant.manualRange) {
            fail(ErrorCode::InvalidConfig, id,
                 "it has a range of its own, and each batch is to find one; leave out \"range\" or set "
                 "\"ranges\" to "
                 "\"offline\"");
        }
        plan.online.emplace(id, quant);
        return;
    }
    plan.sites.emplace(id, resolveSite(layer, {}, id, quant, statistics.find(id)));
}

}  // namespace

const QParams* QuantPlan::find(const SiteId& id) const {
    const auto found = sites.find(id);
    return found == sites.end() ? nullptr : &found->second;
}

BatchNormMode QuantPlan::batchNormMode(const LayerId& id) const {
    const auto found = batchNorm.find(id);
    return found == batchNorm.end() ? BatchNormMode::Folded : found->second;
}

void expandGroups(QParams& qparams, std::int64_t channelsPerSlice) {
    if (!qparams.isPerChannel() || channelsPerSlice == 1) {
        return;
    }
    QParams expanded = qparams;
    expanded.scale.clear();
    expanded.zeroPoint.clear();
    expanded.tables.clear();
    for (std::size_t s = 0; s < qparams.slices(); ++s) {
        expanded.scale.insert(expanded.scale.end(), static_cast<std::size_t>(channelsPerSlice),
                              qparams.scale[s]);
        expanded.zeroPoint.insert(expanded.zeroPoint.end(), static_cast<std::size_t>(channelsPerSlice),
                                  qparams.zeroPoint[s]);
        if (!qparams.isUniform()) {
            expanded.tables.insert(expanded.tables.end(), static_cast<std::size_t>(channelsPerSlice),
                                   qparams.tables[s]);
        }
    }
    qparams = std::move(expanded);
}

SiteFit fitSite(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                const SiteStatistics* statistics) {
    requireFittable(layer, weights, id, quant, statistics);
    const bool isWeight = id.kind == SiteKind::Weight;
    const Slicing slices = slicing(id, quant.granularity, channelsOf(weights, id, quant, statistics));
    const std::unique_ptr<Quantizer> quantizer = quantizerRegistry().create(quant.quantizer);
    const bool isSliced = slices.slices > 1 && !isWeight && statistics != nullptr && !quant.manualRange;
    SiteFit fit;
    fit.sliceStatistics = std::make_shared<const std::vector<SiteStatistics>>(
        isSliced ? sliceStatistics(*statistics, slices) : std::vector<SiteStatistics>());
    fit.input =
        fitInput(weights, id, statistics, *fit.sliceStatistics,
                 siteRanges(weights, id, quant, statistics, *quantizer, slices, *fit.sliceStatistics));
    if (quant.granularity.kind != Granularity::Kind::Tensor) {
        fit.axis = isWeight ? 0 : 1;
        fit.channelsPerSlice = slices.channelsPerSlice;
    }
    return fit;
}

QParams resolveSite(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                    const SiteStatistics* statistics) {
    try {
        const SiteFit fit = fitSite(layer, weights, id, quant, statistics);
        QParams qparams = quantizerRegistry().create(quant.quantizer)->fit(fit.input, *quant.bits, fit.axis);
        expandGroups(qparams, fit.channelsPerSlice);
        return qparams;
    } catch (const Error& error) {
        const std::string text = error.what();
        if (text.starts_with(siteName(id))) {
            throw;
        }
        fail(error.code(), id, text);
    }
}

QuantPlan resolvePlan(const PreparedModel& model, const QuantConfig& config, const Statistics& statistics) {
    QuantPlan plan;
    if (!config.input.isFloat()) {
        resolveValues(nullptr, {kInputLayer, SiteKind::Output}, config.input, statistics, plan);
    }
    for (const auto& [layerId, quant] : config.layers) {
        const Layer* layer = model.findLayer(layerId);
        if (layer == nullptr) {
            throw Error(ErrorCode::InvalidConfig, "the configuration names layer '" + layerId.str() +
                                                      "', which the model '" + model.graph.name +
                                                      "' does not have");
        }
        recordBatchNorm(*layer, quant, plan);
        if (quant.padding == PaddingOrder::BeforeQuantization) {
            plan.paddedBefore.insert(layerId);
        }
        if (layer->hasWeights() && !quant.weight.isFloat()) {
            requireNormBehind(*layer, quant);
            const SiteId id{layerId, SiteKind::Weight};
            const FloatTensor weights = weightsToQuantize(model, *layer, quant.batchNorm);
            plan.sites.emplace(id, resolveSite(layer, weights, id, quant.weight, nullptr));
        }
        if (layer->isQuantizable && !quant.output.isFloat()) {
            resolveValues(layer, {layerId, SiteKind::Output}, quant.output, statistics, plan);
        }
    }
    return plan;
}

SiteStatistics weightStatistics(const FloatTensor& weights) {
    if (weights.size() == 0) {
        return {};
    }
    const std::int64_t channels = weights.shape().empty() ? 1 : weights.shape().front();
    SiteStatistics statistics = collectStatistics(weights.values(), 1, channels, weights.size() / channels);
    statistics.channels.clear();  // a weight's slices are at hand
    return statistics;
}

FloatTensor layerWeights(const PreparedModel& model, const Layer& layer) {
    const FloatTensor* weight = layer.node < 0 ? nullptr : weightOf(model.graph.node(layer.node));
    return weight == nullptr ? FloatTensor() : *weight;
}

FloatTensor layerBias(const PreparedModel& model, const Layer& layer) {
    if (layer.node < 0) {
        return {};
    }
    const Node& node = model.graph.node(layer.node);
    if (const auto* conv = std::get_if<Conv2dOp>(&node.op)) {
        return conv->bias;
    }
    if (const auto* linear = std::get_if<LinearOp>(&node.op)) {
        return linear->bias;
    }
    return {};
}

FloatTensor weightsToQuantize(const PreparedModel& model, const Layer& layer, BatchNormMode mode) {
    const FloatTensor weights = layerWeights(model, layer);
    const BatchNormOp* const norm = mode == BatchNormMode::FakeBn ? keptNorm(model, layer) : nullptr;
    return norm == nullptr ? weights : foldedWeights(weights, channelAffine(*norm));
}

FloatTensor biasToQuantize(const PreparedModel& model, const Layer& layer, BatchNormMode mode) {
    const FloatTensor bias = layerBias(model, layer);
    const BatchNormOp* const norm = mode == BatchNormMode::FakeBn ? keptNorm(model, layer) : nullptr;
    return norm == nullptr ? bias : foldedBias(bias, channelAffine(*norm));
}

}  // namespace bitlathe::core
