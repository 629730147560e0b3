#include "experiments/recipes/entropy_report.h"

#include "core/analysis/coding_cost.h"
#include "core/ptq/layer_edits.h"
#include "experiments/records/metric_names.h"

namespace bitlathe::experiments {

namespace {

/// Sums over sites, each weighted by its values.
struct Total {
    double values = 0;
    double shannonBits = 0;
    double huffmanBits = 0;
    double plainBytes = 0;
    double compressedBytes = 0;
};

void add(const core::SiteId& id, const core::SiteEntropy& entropy, std::int64_t count, EntropyReport& report,
         Total& total) {
    if (entropy.symbols == 0 || count == 0) {
        return;
    }
    const std::string site = id.kind == core::SiteKind::Weight ? "weight" : "output";
    const core::CodingCost cost = core::codingCost(entropy, count);
    const auto values = static_cast<double>(count);
    const auto plain = static_cast<double>(cost.plainBytes);
    const auto compressed = static_cast<double>(cost.codedBytes);
    report.rows.push_back({id.layer, site, metric::kEntropyBits, cost.entropyBits});
    report.rows.push_back({id.layer, site, metric::kHuffmanBits, cost.huffmanBits});
    report.rows.push_back({id.layer, site, metric::kPlainBytes, plain});
    report.rows.push_back({id.layer, site, metric::kCompressedBytes, compressed});
    total.values += values;
    total.shannonBits += values * cost.entropyBits;
    total.huffmanBits += values * cost.huffmanBits;
    total.plainBytes += plain;
    total.compressedBytes += compressed;
}

void addMetrics(const char* prefix, const Total& total, EntropyReport& report) {
    if (total.values == 0) {
        return;
    }
    const auto metric = [&](const char* name, double value, const char* unit) {
        report.metrics.push_back({std::string(prefix) + name, value, unit, 0, {}, {}});
    };
    metric(metric::kEntropyBits, total.shannonBits / total.values, "bit");
    metric(metric::kHuffmanBits, total.huffmanBits / total.values, "bit");
    metric(metric::kPlainBytes, total.plainBytes, "B");
    metric(metric::kCompressedBytes, total.compressedBytes, "B");
}

}  // namespace

EntropyReport entropyReport(const core::QuantizedModel& quantized) {
    EntropyReport report;
    Total weights;
    Total activations;
    const auto addActivation = [&](const core::SiteId& id, std::int64_t count) {
        const core::QParams* const grid = quantized.plan.find(id);
        const core::SiteStatistics* const statistics = quantized.statistics.find(id);
        if (grid != nullptr && statistics != nullptr) {
            add(id, core::activationEntropy(*statistics, *grid), count, report, activations);
        }
    };
    addActivation({core::kInputLayer, core::SiteKind::Output},
                  core::elementCount(quantized.model.graph.inputShape()));
    for (const core::Layer& layer : quantized.model.layers) {
        const core::SiteId weight{layer.id, core::SiteKind::Weight};
        if (const core::QParams* const grid = quantized.plan.find(weight)) {
            const core::FloatTensor values =
                core::weightsToQuantize(quantized.model, layer, quantized.plan.batchNormMode(layer.id));
            add(weight, core::weightEntropy(values, *grid), values.size(), report, weights);
        }
        addActivation({layer.id, core::SiteKind::Output}, layer.outputElements);
    }
    addMetrics("weight_", weights, report);
    addMetrics("activation_", activations, report);
    return report;
}

}  // namespace bitlathe::experiments
