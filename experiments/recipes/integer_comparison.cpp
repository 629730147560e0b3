#include "experiments/recipes/integer_comparison.h"

#include "experiments/records/metric_names.h"

#include <algorithm>

namespace bitlathe::experiments {

namespace {

core::Metric metricOf(const RunRecord& record, const char* name) {
    const auto found = record.metrics.find(name);
    return found == record.metrics.end() ? core::Metric() : found->second;
}

/// The entry of `layer`, made at its first figure: the log keeps the order they were written in.
core::LayerAgreement& entryOf(std::vector<core::LayerAgreement>& layers, const core::LayerId& layer) {
    const auto found = std::find_if(layers.begin(), layers.end(),
                                    [&](const core::LayerAgreement& entry) { return entry.layer == layer; });
    if (found != layers.end()) {
        return *found;
    }
    layers.push_back({});
    layers.back().layer = layer;
    return layers.back();
}

void take(const LayerStatistic& statistic, std::vector<core::LayerAgreement>& layers) {
    const auto count = static_cast<std::int64_t>(statistic.value);
    const auto entry = [&]() -> core::LayerAgreement& { return entryOf(layers, statistic.layer); };
    if (statistic.name == metric::kCodesCompared) {
        entry().compared = count;
    } else if (statistic.name == metric::kCodesDiffering) {
        entry().differing = count;
    } else if (statistic.name == metric::kCodesUnexplained) {
        entry().explained = -count;  // turned round once everything is read
    } else if (statistic.name == metric::kCodesAccumulated) {
        entry().accumulated = count;
    } else if (statistic.name == metric::kLargestCodeDifference) {
        entry().largestDifference = count;
    } else if (statistic.name == metric::kRoundingMargin) {
        entry().largestMargin = statistic.value;
    } else if (statistic.name == metric::kRoundingBound) {
        entry().largestBound = statistic.value;
    } else if (statistic.name == metric::kIsExact) {
        entry().isExact = statistic.value != 0;
    }
}

std::int64_t sumOf(const std::vector<core::LayerAgreement>& layers,
                   std::int64_t core::LayerAgreement::*member) {
    std::int64_t sum = 0;
    for (const core::LayerAgreement& layer : layers) {
        sum += layer.*member;
    }
    return sum;
}

}  // namespace

std::int64_t IntegerComparison::compared() const noexcept {
    return sumOf(layers, &core::LayerAgreement::compared);
}

std::int64_t IntegerComparison::differing() const noexcept {
    return sumOf(layers, &core::LayerAgreement::differing);
}

std::int64_t IntegerComparison::unexplained() const noexcept {
    return differing() - sumOf(layers, &core::LayerAgreement::explained);
}

std::optional<IntegerComparison> integerComparison(const ExperimentLog& log, RunId run) {
    const RunRecord record = log.run(run);
    if (!record.metrics.contains(metric::kIntegerTop1)) {
        return std::nullopt;
    }
    IntegerComparison comparison;
    comparison.floating = metricOf(record, metric::kFloatTop1);
    comparison.simulated = metricOf(record, metric::kTop1);
    comparison.integer = metricOf(record, metric::kIntegerTop1);
    comparison.integerImagesPerSecond = metricOf(record, metric::kIntegerImagesPerSecond).value;
    comparison.comparedImages = metricOf(record, metric::kCodesCompared).samples;
    for (const LayerStatistic& statistic : log.layerStatistics(run)) {
        take(statistic, comparison.layers);
    }
    for (core::LayerAgreement& layer : comparison.layers) {
        layer.explained += layer.differing;
    }
    return comparison;
}

}  // namespace bitlathe::experiments
