#pragma once

#include "core/graph/layer.h"
#include "core/types/qparams.h"
#include "core/types/quant_config.h"
#include "core/types/site_statistics.h"

#include <map>

namespace bitlathe::core {

/// A configuration with its ranges resolved: QParams of every site that is not float. All the engine, the
/// exporters and the window need. Sites that are absent are float.
struct QuantPlan {
    std::map<SiteId, QParams> sites;
    const QParams* find(const SiteId& id) const;
};

/// Observers over cached statistics, then quantizers. Output and input sites use `statistics`; weight sites
/// read the weights. A site's manual range wins over its observer. Errors  NotCalibrated naming the site
/// without statistics; InvalidConfig naming site and value.
QuantPlan resolvePlan(const PreparedModel& model, const QuantConfig& config, const Statistics& statistics);

/// One site alone, for edits. `weights` is read for weight sites only.
QParams resolveSite(const Layer* layer, const FloatTensor& weights, const SiteId& id, const SiteQuant& quant,
                    const SiteStatistics* statistics);

/// Statistics of a weight tensor, per tensor (channelRanges filled along dim 0).
SiteStatistics weightStatistics(const FloatTensor& weights);

/// The layer's folded weights; undefined when it has none.
FloatTensor layerWeights(const PreparedModel& model, const Layer& layer);
FloatTensor layerBias(const PreparedModel& model, const Layer& layer);

}  // namespace bitlathe::core
