#pragma once

#include "core/types/quant_config.h"
#include "experiments/records/run_record.h"
#include "experiments/store/experiment_log.h"

#include <QString>

#include <optional>
#include <vector>

namespace bitlathe::ui {

/// One run with what a comparison reads.
struct ComparedRun {
    experiments::RunRecord record;
    std::vector<experiments::LayerStatistic> statistics;
    std::vector<experiments::MetricStep> steps;  ///< series of a training; empty where nothing was trained
    std::optional<core::QuantConfig> config;     ///< empty: none stored, or one this version cannot read
};

/// Errors  LogError: no such run.
ComparedRun readComparedRun(const experiments::ExperimentLog& log, experiments::RunId id);

/// Which way of changing is an improvement.
enum class Better { Higher, Lower, Neither };

/// How a figure is written.
enum class Figure { Text, Percent, Bytes, Bits, Decibel, Number };

struct CompareCell {
    QString text;                 ///< "–" where the run has no such thing
    std::optional<double> value;  ///< of figures
    QString toolTip;
    std::optional<core::Range> interval95;  ///< of an accuracy, percent
};

/// One thing two or more runs can differ in: a metric, or a choice or measurement of a layer.
struct CompareRow {
    QString layer;     ///< for people; empty for the run as a whole
    QString property;  ///< "Top-1 accuracy", "weight bits"
    Figure figure = Figure::Text;
    Better better = Better::Neither;
    std::vector<CompareCell> cells;  ///< by run, the baseline first

    bool differs() const;
    /// Largest |difference to the baseline| of a figure; infinite where a run lacks it and another does not;
    /// 0 for texts.
    double largestChange() const;
};

/// A run's difference to the baseline, ready to be shown.
struct Change {
    QString text;     ///< "▲ +0.52 points", "▼ −52.1 KiB (−33 %)"; empty: equal or not comparable
    QString toolTip;  ///< exact; for accuracies the 95 % interval of the difference
    bool isBetter = false;
    bool isWorse = false;
};
Change changeOf(const CompareRow& row, std::size_t run);

/// 95 % interval of the difference of two proportions measured on independent samples, from their Wilson
/// intervals (Newcombe 1998, method 10), in the units given. Runs on the same images are correlated, so it
/// errs on the wide side.
///   lower = d - sqrt((b - b.lower)² + (a.upper - a)²),   upper = d + sqrt((b.upper - b)² + (a - a.lower)²),
///   d = b - a
core::Range differenceInterval95(double a, const core::Range& aInterval, double b,
                                 const core::Range& bInterval);

/// Accuracy, bits, bytes, then what made them: device, model, data, seed, environment. Rows that differ come
/// first.
std::vector<CompareRow> summaryRows(const std::vector<ComparedRun>& runs);
/// Bits, scheme, range and SQNR of every site, in the order of the layers.
std::vector<CompareRow> layerRows(const std::vector<ComparedRun>& runs);

}  // namespace bitlathe::ui
