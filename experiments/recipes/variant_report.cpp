#include "experiments/recipes/variant_report.h"

#include "core/analysis/confidence.h"
#include "core/analysis/quantization_error.h"
#include "core/plan/executed_layer.h"
#include "core/ptq/layer_edits.h"
#include "experiments/records/metric_names.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitlathe::experiments {

namespace {

constexpr double kFloatBits = 32;

double bitsOf(const core::SiteQuant& site) {
    return site.bits ? site.bits->bits() : kFloatBits;
}

double meanOfChannels(const std::vector<int>& bits) {
    double sum = 0;
    for (const int b : bits) {
        sum += b;
    }
    return sum / static_cast<double>(bits.size());
}

/// The site whose grid the layer's output lies on: a max pool's is its input's.
core::SiteQuant outputSite(const core::PreparedModel& model, const core::QuantConfig& config,
                           const core::Layer& layer) {
    const auto site = model.siteOfTensor(layer.outputNode);
    return site ? config.site(*site) : core::SiteQuant{};
}

/// SQNR of a layer's weights, as the plan computes with them, against the float model's.
double weightSqnrDb(const core::QuantizedModel& quantized, const core::Layer& layer) {
    const core::FloatTensor reference = core::weightsToQuantize(core::floatModel(quantized.model), layer,
                                                                quantized.plan.batchNormMode(layer.id));
    const std::vector<float> used = core::quantizedWeights(quantized.model, layer, quantized.plan);
    double error = 0;
    double signal = 0;
    for (std::size_t i = 0; i < used.size(); ++i) {
        const double w = reference.values()[i];
        const double difference = w - static_cast<double>(used[i]);
        signal += w * w;
        error += difference * difference;
    }
    return error == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / error);
}

core::Range representableRange(const core::QParams& qparams) {
    core::Range range{qparams.representableLower(0), qparams.representableUpper(0)};
    for (std::size_t c = 1; c < qparams.scale.size(); ++c) {
        range.lower = std::min(range.lower, qparams.representableLower(c));
        range.upper = std::max(range.upper, qparams.representableUpper(c));
    }
    return range;
}

class SiteReporter {
public:
    SiteReporter(const core::QuantizedModel& quantized, const core::QuantConfig& config)
        : m_quantized(quantized), m_config(config) {}

    void report(const core::SiteId& id, std::vector<LayerStatistic>& rows) const {
        const core::QParams* const qparams = m_quantized.plan.find(id);
        if (qparams == nullptr) {
            return;  // float: nothing to say
        }
        const std::string site = id.kind == core::SiteKind::Weight ? "weight" : "output";
        const core::Range range = representableRange(*qparams);
        const auto shared = m_quantized.plan.channelBits.find(id);
        rows.push_back({id.layer, site, metric::kBits,
                        shared == m_quantized.plan.channelBits.end() ? bitsOf(m_config.site(id))
                                                                     : meanOfChannels(shared->second)});
        rows.push_back({id.layer, site, metric::kRangeLower, range.lower});
        rows.push_back({id.layer, site, metric::kRangeUpper, range.upper});
        if (const auto sqnr = sqnrDb(id, *qparams)) {
            rows.push_back({id.layer, site, metric::kSqnrDb, *sqnr});
        }
    }

private:
    std::optional<double> sqnrDb(const core::SiteId& id, const core::QParams& qparams) const {
        if (id.kind == core::SiteKind::Weight) {
            return weightSqnrDb(m_quantized, *m_quantized.model.findLayer(id.layer));
        }
        const core::SiteStatistics* const site = m_quantized.statistics.find(id);
        if (site == nullptr || qparams.isPerChannel()) {
            return std::nullopt;  // calibration keeps one histogram for all channels
        }
        return core::quantizationError(site->histogram, qparams).sqnrDb;
    }

    const core::QuantizedModel& m_quantized;
    const core::QuantConfig& m_config;
};

}  // namespace

MeanBits meanBits(const core::PreparedModel& model, const core::QuantConfig& config) {
    return meanBits(model, config, {});
}

MeanBits meanBits(const core::PreparedModel& model, const core::QuantConfig& config,
                  const core::ChannelBits& channelBits) {
    const auto meanOf = [&](const core::SiteId& site, double nominal) {
        const auto shared = channelBits.find(site);
        return shared == channelBits.end() ? nominal : meanOfChannels(shared->second);
    };
    double weightBits = 0;
    double weights = 0;
    double elementBits = 0;
    double elements = 0;
    for (const core::Layer& layer : model.layers) {
        const auto count = static_cast<double>(layer.weightCount);
        const core::SiteId weight{layer.id, core::SiteKind::Weight};
        weightBits += count * meanOf(weight, bitsOf(config.site(weight)));
        weights += count;
        const auto size = static_cast<double>(layer.outputElements);
        const core::SiteId output = model.siteOfTensor(layer.outputNode).value_or(core::SiteId{});
        elementBits += size * meanOf(output, bitsOf(outputSite(model, config, layer)));
        elements += size;
    }
    return {weights == 0 ? 0 : weightBits / weights, elements == 0 ? 0 : elementBits / elements};
}

namespace {

core::Metric top1Metric(const char* name, const core::EvaluationResult& result) {
    const core::Interval interval = core::wilson95(result.correct, result.samples);
    return {name, result.top1Percent(), "%", result.samples, 100 * interval.lower, 100 * interval.upper};
}

}  // namespace

std::vector<core::Metric> integerMetrics(const core::EvaluationResult& floating,
                                         const core::DeploymentReport& report) {
    const core::EvaluationResult& integer = report.integer;
    const auto count = [&](const char* name, std::int64_t value) {
        return core::Metric{name, static_cast<double>(value), "", report.comparedImages, {}, {}};
    };
    return {top1Metric(metric::kFloatTop1, floating),
            top1Metric(metric::kIntegerTop1, integer),
            {metric::kIntegerLoss, integer.meanLoss, "nats", integer.samples, {}, {}},
            {metric::kIntegerImagesPerSecond,
             integer.elapsedMs > 0 ? 1000.0 * static_cast<double>(integer.samples) / integer.elapsedMs : 0,
             "images/s",
             integer.samples,
             {},
             {}},
            count(metric::kCodesCompared, report.compared()),
            count(metric::kCodesDiffering, report.differing()),
            count(metric::kCodesUnexplained, report.unexplained())};
}

std::vector<LayerStatistic> integerLayerReport(const core::DeploymentReport& report) {
    std::vector<LayerStatistic> rows;
    for (const core::LayerAgreement& layer : report.layers) {
        const auto add = [&](const char* name, auto value) {
            rows.push_back({layer.layer, "output", name, static_cast<double>(value)});
        };
        add(metric::kCodesCompared, layer.compared);
        add(metric::kCodesDiffering, layer.differing);
        add(metric::kCodesUnexplained, layer.differing - layer.explained);
        add(metric::kCodesAccumulated, layer.accumulated);
        add(metric::kLargestCodeDifference, layer.largestDifference);
        add(metric::kRoundingMargin, layer.largestMargin);
        add(metric::kRoundingBound, layer.largestBound);
        add(metric::kIsExact, layer.isExact ? 1 : 0);
    }
    return rows;
}

std::vector<core::Metric> evaluationMetrics(const core::EvaluationResult& result) {
    std::vector<core::Metric> metrics{top1Metric(metric::kTop1, result),
                                      {metric::kLoss, result.meanLoss, "nats", result.samples, {}, {}}};
    if (result.elapsedMs > 0) {
        metrics.push_back({metric::kImagesPerSecond,
                           1000.0 * static_cast<double>(result.samples) / result.elapsedMs,
                           "images/s",
                           result.samples,
                           {},
                           {}});
    }
    return metrics;
}

std::vector<core::Metric> budgetMetrics(const core::Budget& budget, const MeanBits& bits) {
    return {{metric::kRomBytes, static_cast<double>(budget.romBytes), "B", 0, {}, {}},
            {metric::kRamBytes, static_cast<double>(budget.peakRamBytes), "B", 0, {}, {}},
            {metric::kMeanWeightBits, bits.weights, "bit", 0, {}, {}},
            {metric::kMeanActivationBits, bits.activations, "bit", 0, {}, {}}};
}

std::vector<LayerStatistic> layerReport(const core::QuantizedModel& quantized,
                                        const core::QuantConfig& config, const core::Budget& budget) {
    std::vector<LayerStatistic> rows;
    const SiteReporter sites(quantized, config);
    sites.report({core::kInputLayer, core::SiteKind::Output}, rows);
    for (const core::Layer& layer : quantized.model.layers) {
        sites.report({layer.id, core::SiteKind::Weight}, rows);
        sites.report({layer.id, core::SiteKind::Output}, rows);
    }
    for (const core::LayerBudget& layer : budget.layers) {
        rows.push_back({layer.layer, "", metric::kRomBytes, static_cast<double>(layer.romBytes())});
        rows.push_back({layer.layer, "", metric::kRamBytes, static_cast<double>(layer.ramBytes())});
    }
    return rows;
}

std::vector<LayerStatistic> layerErrorReport(const std::vector<core::LayerError>& errors) {
    std::vector<LayerStatistic> rows;
    for (const core::LayerError& error : errors) {
        rows.push_back({error.layer, "output", metric::kIsolatedSqnrDb, error.isolatedSqnrDb});
        rows.push_back({error.layer, "output", metric::kAccumulatedSqnrDb, error.accumulatedSqnrDb});
    }
    return rows;
}

}  // namespace bitlathe::experiments
