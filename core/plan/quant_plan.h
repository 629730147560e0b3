#pragma once

#include "core/graph/layer.h"
#include "core/quantizers/quantizer.h"
#include "core/types/qparams.h"
#include "core/types/quant_config.h"
#include "core/types/site_statistics.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace bitlathe::core {

/// What post-training correction does to the quantized weights of one layer, per output channel (README eq. 25):
///   ŵ = gain s (q - z) + shift
/// Such weights lie on no integer grid. An engine adds shift times the sum of the inputs, and the gain joins the scale.
struct WeightAffine {
    std::vector<float> gain;
    std::vector<float> shift;
    bool operator==(const WeightAffine&) const = default;
};

/// A configuration with its ranges resolved: QParams of every site that is not float. All the engine, the
/// exporters and the window need. Sites that are absent are float.
struct QuantPlan {
    std::map<SiteId, QParams> sites;
    /// How the layers that keep their batch norm (Layer::batchNorm) treat it; never Folded.
    std::map<LayerId, BatchNormMode> batchNorm;
    std::map<LayerId, WeightAffine> weightAffine;  ///< absent: weights lie on their grid
    /// Sites of which each batch makes its own grid (RangeTime::Online); none of them is in `sites`.
    std::map<SiteId, SiteQuant> online;
    /// Convolutions with PaddingOrder::BeforeQuantization (core/plan/padding_value.h).
    std::set<LayerId> paddedBefore;
    /// Bits of each channel where a method shared them out; absent: the site's bits.
    std::map<SiteId, std::vector<int>> channelBits;

    const QParams* find(const SiteId& id) const;
    /// Folded for layers without a batch norm of their own.
    BatchNormMode batchNormMode(const LayerId& id) const;
};

/// Observers over cached statistics, then quantizers. Output and input sites use `statistics`; weight sites
/// read the weights. A site's manual range wins over its observer. Errors  NotCalibrated naming the site
/// without statistics; InvalidConfig naming site and value, or a layer whose batch norm `model` has folded
/// and the configuration keeps (use preparedFor). QuantConfig::postTraining is not applied here: see
/// core/ptq/post_training.h.
QuantPlan resolvePlan(const PreparedModel& model, const QuantConfig& config, const Statistics& statistics);

/// One site alone, for edits. `weights` is read for weight sites only.
QParams resolveSite(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                    const SiteStatistics* statistics);

/// A site's tensor as its quantizer sees it: cut into the slices that share a grid, each with its range.
struct SiteFit {
    FitInput input;  ///< looks into the weights and statistics it was made from, and into sliceStatistics
    std::shared_ptr<const std::vector<SiteStatistics>>
        sliceStatistics;  ///< of an activation per channel or group
    std::int64_t channelsPerSlice = 1;
    std::optional<int> axis;  ///< empty: one slice
};
/// What resolveSite hands to Quantizer::fit, for those who train the quantizer instead. Same errors.
SiteFit fitSite(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                const SiteStatistics* statistics);
/// Entries of groups as entries of channels: every consumer of QParams knows tensors and channels only.
void expandGroups(QParams& qparams, std::int64_t channelsPerSlice);

/// Statistics of a weight tensor, per tensor (channelRanges filled along dim 0).
SiteStatistics weightStatistics(const FloatTensor& weights);

/// The layer's weights as stored in the graph (with batch norm in them unless it is kept); undefined when it has none.
FloatTensor layerWeights(const PreparedModel& model, const Layer& layer);
FloatTensor layerBias(const PreparedModel& model, const Layer& layer);
/// The weights and the bias that the layer's grid and accumulator are for: as stored, or for BatchNormMode::FakeBn
/// with the kept batch norm folded in (README eq. 48).
FloatTensor weightsToQuantize(const PreparedModel& model, const Layer& layer, BatchNormMode mode);
FloatTensor biasToQuantize(const PreparedModel& model, const Layer& layer, BatchNormMode mode);

}  // namespace bitlathe::core
