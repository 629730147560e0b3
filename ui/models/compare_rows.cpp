#include "ui/models/compare_rows.h"

#include "core/types/error.h"
#include "experiments/recipes/recipe.h"
#include "experiments/records/metric_names.h"
#include "plots/number_text.h"
#include "ui/document/layer_title.h"
#include "ui/models/run_text.h"

#include <nlohmann/json.hpp>

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <set>
#include <tuple>

namespace bitlathe::ui {

using experiments::LayerStatistic;
namespace metric = experiments::metric;

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("CompareRows", text);
}

const QString kNone = QStringLiteral("–");

QString fixed(double value, int decimals) {
    QString text = QString::number(value, 'f', decimals);
    return text.startsWith(QLatin1Char('-')) ? QStringLiteral("−") + text.mid(1) : text;
}

/// Four significant digits, no trailing zeros: "6", "−1.253".
QString boundText(double value) {
    return QString::number(value, 'g', 4).replace(QLatin1Char('-'), QStringLiteral("−"));
}

QString figureText(double value, Figure figure) {
    switch (figure) {
    case Figure::Percent:
        return fixed(value, 2) + QStringLiteral(" %");
    case Figure::Bytes:
        return plots::shortBytes(value);
    case Figure::Bits:
        return fixed(value, std::abs(value - std::round(value)) < 0.005 ? 0 : 2);
    case Figure::Decibel:
        return std::isinf(value) ? tr("exact") : fixed(value, 1) + QStringLiteral(" dB");
    default:
        return plots::shortValue(value);
    }
}

QString exactText(double value, Figure figure) {
    return figure == Figure::Bytes ? tr("%1 B").arg(groupedNumber(std::llround(value)))
                                   : QString::number(value, 'g', 10);
}

/// No run has anything there.
bool isEmpty(const CompareRow& row) {
    return std::all_of(row.cells.begin(), row.cells.end(),
                       [](const CompareCell& cell) { return cell.text == kNone; });
}

CompareCell textCell(const QString& text) {
    return {text.isEmpty() ? kNone : text, std::nullopt, {}, std::nullopt};
}

CompareCell figureCell(std::optional<double> value, Figure figure) {
    if (!value) {
        return textCell({});
    }
    return {figureText(*value, figure), value, exactText(*value, figure), std::nullopt};
}

template <typename CellOf>
CompareRow makeRow(const std::vector<ComparedRun>& runs, const QString& property, Figure figure,
                   Better better, CellOf cellOf) {
    CompareRow row;
    row.property = property;
    row.figure = figure;
    row.better = better;
    for (const ComparedRun& run : runs) {
        row.cells.push_back(cellOf(run));
    }
    return row;
}

CompareRow metricRow(const std::vector<ComparedRun>& runs, const char* name, const QString& property,
                     Figure figure, Better better) {
    return makeRow(runs, property, figure, better, [&](const ComparedRun& run) {
        const core::Metric* const found = findMetric(run.record, name);
        return figureCell(found == nullptr ? std::nullopt : std::optional(found->value), figure);
    });
}

/// Number of samples the accuracies rest on, when it is the same for all that have one.
std::optional<std::int64_t> commonSamples(const std::vector<ComparedRun>& runs) {
    std::optional<std::int64_t> samples;
    for (const ComparedRun& run : runs) {
        const core::Metric* const top1 = findMetric(run.record, metric::kTop1);
        if (top1 != nullptr && samples.value_or(top1->samples) != top1->samples) {
            return std::nullopt;
        }
        samples = top1 != nullptr ? top1->samples : samples;
    }
    return samples;
}

CompareCell accuracyCell(const core::Metric* top1, bool showsSamples) {
    if (top1 == nullptr) {
        return textCell({});
    }
    CompareCell cell = figureCell(top1->value, Figure::Percent);
    cell.text = accuracyText(top1, showsSamples ? SampleCount::Shown : SampleCount::Hidden);
    cell.toolTip = accuracyDetail(top1);
    if (top1->lower95 && top1->upper95) {
        cell.interval95 = core::Range{*top1->lower95, *top1->upper95};
    }
    return cell;
}

/// The number of samples stands once, beside the name, where all share it.
CompareRow accuracyRow(const std::vector<ComparedRun>& runs) {
    const std::optional<std::int64_t> samples = commonSamples(runs);
    const QString property =
        samples ? tr("Top-1 accuracy (n %1)").arg(groupedNumber(*samples)) : tr("Top-1 accuracy");
    return makeRow(runs, property, Figure::Percent, Better::Higher, [&](const ComparedRun& run) {
        return accuracyCell(findMetric(run.record, metric::kTop1), !samples.has_value());
    });
}

template <typename TextOf>
CompareRow textRow(const std::vector<ComparedRun>& runs, const QString& property, TextOf textOf) {
    return makeRow(runs, property, Figure::Text, Better::Neither,
                   [&](const ComparedRun& run) { return textCell(textOf(run.record)); });
}

/// Hashes differ or not within a few digits; the whole one is in the tool tip.
CompareRow hashRow(const std::vector<ComparedRun>& runs, const QString& property,
                   std::string experiments::NewRun::*hash) {
    return makeRow(runs, property, Figure::Text, Better::Neither, [&](const ComparedRun& run) {
        const QString whole = QString::fromStdString(run.record.what.*hash);
        CompareCell cell = textCell(whole.left(12));
        cell.toolTip = whole;
        return cell;
    });
}

void appendEnvironment(std::vector<CompareRow>& rows, const std::vector<ComparedRun>& runs) {
    std::set<std::string> keys;
    for (const ComparedRun& run : runs) {
        for (const auto& [key, value] : run.record.what.environment) {
            keys.insert(key);
        }
    }
    for (const std::string& key : keys) {
        rows.push_back(textRow(runs, QString::fromStdString(key), [&](const experiments::RunRecord& run) {
            const auto found = run.what.environment.find(key);
            return found == run.what.environment.end() ? QString() : QString::fromStdString(found->second);
        }));
    }
}

/// Metrics nobody here knows by name.
void appendOtherMetrics(std::vector<CompareRow>& rows, const std::vector<ComparedRun>& runs) {
    static const std::set<std::string> kShown{metric::kTop1,           metric::kLoss,
                                              metric::kRomBytes,       metric::kRamBytes,
                                              metric::kMeanWeightBits, metric::kMeanActivationBits,
                                              metric::kFitsDevice,     metric::kImagesPerSecond};
    std::set<std::string> names;
    for (const ComparedRun& run : runs) {
        for (const auto& [name, value] : run.record.metrics) {
            if (!kShown.contains(name)) {
                names.insert(name);
            }
        }
    }
    for (const std::string& name : names) {
        rows.push_back(
            metricRow(runs, name.c_str(), QString::fromStdString(name), Figure::Number, Better::Neither));
    }
}

std::optional<core::QuantConfig> readConfig(const std::string& text) {
    if (text.empty()) {
        return std::nullopt;
    }
    try {
        const nlohmann::json json = nlohmann::json::parse(text);
        core::QuantConfig config;
        config.input = experiments::siteFromJson(json.at("input"), {}, "input");
        for (const auto& [id, layer] : json.at("layers").items()) {
            core::LayerQuant& quant = config.layers[core::LayerId(id)];
            quant.weight = experiments::siteFromJson(layer.at("weight"), {}, "layers." + id + ".weight");
            quant.output = experiments::siteFromJson(layer.at("output"), {}, "layers." + id + ".output");
        }
        return config;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    } catch (const core::Error&) {  // a method this version does not have
        return std::nullopt;
    }
}

/// "input" first, then as the statistics name them (execution order), then what only a configuration knows.
std::vector<core::LayerId> layersOf(const std::vector<ComparedRun>& runs) {
    std::vector<core::LayerId> layers;
    std::set<core::LayerId> seen;
    const auto add = [&](const core::LayerId& id) {
        if (seen.insert(id).second) {
            layers.push_back(id);
        }
    };
    add(core::kInputLayer);
    for (const ComparedRun& run : runs) {
        for (const LayerStatistic& statistic : run.statistics) {
            add(statistic.layer);
        }
    }
    for (const ComparedRun& run : runs) {
        if (run.config) {
            for (const auto& [id, quant] : run.config->layers) {
                add(id);
            }
        }
    }
    return layers;
}

QString methodText(const core::MethodSpec& method) {
    QString text = QString::fromStdString(method.name).replace(QLatin1Char('_'), QLatin1Char(' '));
    for (const auto& [name, value] : method.params) {
        text += QStringLiteral(" ") + plots::shortValue(value);
    }
    return text;
}

QString granularityText(const core::Granularity& granularity) {
    switch (granularity.kind) {
    case core::Granularity::Kind::Tensor:
        return tr("tensor");
    case core::Granularity::Kind::Channel:
        return tr("channel");
    case core::Granularity::Kind::Group:
        return tr("group of %1").arg(granularity.groupSize);
    }
    return {};
}

QString rangeMethodText(const core::SiteQuant& site) {
    return site.manualRange
               ? tr("manual %1 … %2")
                     .arg(plots::shortValue(site.manualRange->lower), boundText(site.manualRange->upper))
               : methodText(site.observer);
}

/// Statistics of one run by layer, site and name.
class StatisticIndex {
public:
    explicit StatisticIndex(const std::vector<LayerStatistic>& statistics) {
        for (const LayerStatistic& each : statistics) {
            m_values[{each.layer, each.site, each.name}] = each.value;
        }
    }
    std::optional<double> find(const core::LayerId& layer, const std::string& site,
                               const std::string& name) const {
        const auto found = m_values.find({layer, site, name});
        return found == m_values.end() ? std::nullopt : std::optional(found->second);
    }

private:
    std::map<std::tuple<core::LayerId, std::string, std::string>, double> m_values;
};

/// Builds the rows of the layers, one site after the other.
class LayerRowBuilder {
public:
    explicit LayerRowBuilder(const std::vector<ComparedRun>& runs) : m_runs(runs) {
        for (const ComparedRun& run : runs) {
            m_indices.emplace_back(run.statistics);
        }
    }

    std::vector<CompareRow> build() {
        for (const core::LayerId& layer : layersOf(m_runs)) {
            if (layer != core::kInputLayer) {
                appendSite(layer, core::SiteKind::Weight, "weight", tr("weight"));
            }
            appendSite(layer, core::SiteKind::Output, "output", tr("output"));
            appendStatistic(layer, "output", metric::kIsolatedSqnrDb, tr("SQNR, this layer alone"));
            appendStatistic(layer, "output", metric::kAccumulatedSqnrDb, tr("SQNR, all up to here"));
        }
        return std::move(m_rows);
    }

private:
    /// Leaves out rows no run has anything for.
    void append(const core::LayerId& layer, CompareRow row) {
        if (!isEmpty(row)) {
            row.layer = layer == core::kInputLayer ? tr("input") : layerTitle(layer);
            m_rows.push_back(std::move(row));
        }
    }

    void appendSite(const core::LayerId& layer, core::SiteKind kind, const char* site,
                    const QString& siteName) {
        appendChoice(layer, kind, tr("%1 bits").arg(siteName), [](const core::SiteQuant& quant) {
            return quant.bits ? QString::number(quant.bits->bits()) : tr("float");
        });
        appendChoice(layer, kind, tr("%1 scheme").arg(siteName), [](const core::SiteQuant& quant) {
            return quant.isFloat() ? QString()
                                   : methodText(quant.quantizer) + QStringLiteral(", ") +
                                         granularityText(quant.granularity);
        });
        appendChoice(layer, kind, tr("%1 range from").arg(siteName), [](const core::SiteQuant& quant) {
            return quant.isFloat() ? QString() : rangeMethodText(quant);
        });
        appendRange(layer, site, tr("%1 range").arg(siteName));
        appendStatistic(layer, site, metric::kSqnrDb, tr("%1 SQNR").arg(siteName));
    }

    template <typename TextOf>
    void appendChoice(const core::LayerId& layer, core::SiteKind kind, const QString& property,
                      TextOf textOf) {
        append(layer, makeRow(m_runs, property, Figure::Text, Better::Neither, [&](const ComparedRun& run) {
                   if (!run.config || (layer != core::kInputLayer && !run.config->layers.contains(layer))) {
                       return textCell({});
                   }
                   return textCell(textOf(run.config->site({layer, kind})));
               }));
    }

    void appendRange(const core::LayerId& layer, const char* site, const QString& property) {
        CompareRow row;
        row.property = property;
        for (const StatisticIndex& index : m_indices) {
            const auto lower = index.find(layer, site, metric::kRangeLower);
            const auto upper = index.find(layer, site, metric::kRangeUpper);
            row.cells.push_back(textCell(
                lower && upper ? tr("%1 … %2").arg(boundText(*lower), boundText(*upper)) : QString()));
        }
        append(layer, std::move(row));
    }

    void appendStatistic(const core::LayerId& layer, const char* site, const char* name,
                         const QString& property) {
        CompareRow row;
        row.property = property;
        row.figure = Figure::Decibel;
        row.better = Better::Higher;
        for (const StatisticIndex& index : m_indices) {
            row.cells.push_back(figureCell(index.find(layer, site, name), Figure::Decibel));
        }
        append(layer, std::move(row));
    }

    const std::vector<ComparedRun>& m_runs;
    std::vector<StatisticIndex> m_indices;
    std::vector<CompareRow> m_rows;
};

QString signedText(double change, Figure figure) {
    const QString sign = change > 0 ? QStringLiteral("+") : QStringLiteral("−");
    const double size = std::abs(change);
    switch (figure) {
    case Figure::Percent:
        return sign + tr("%1 points").arg(fixed(size, 2));
    default:
        return sign + figureText(size, figure);
    }
}

}  // namespace

ComparedRun readComparedRun(const experiments::ExperimentLog& log, experiments::RunId id) {
    ComparedRun run;
    run.record = log.run(id);
    run.statistics = log.layerStatistics(id);
    run.steps = log.metricSteps(id);
    run.config = readConfig(run.record.what.configJson);
    return run;
}

bool CompareRow::differs() const {
    return std::any_of(cells.begin(), cells.end(),
                       [&](const CompareCell& cell) { return cell.text != cells.front().text; });
}

double CompareRow::largestChange() const {
    if (figure == Figure::Text || cells.empty()) {
        return 0;
    }
    double largest = 0;
    for (const CompareCell& cell : cells) {
        if (cell.value.has_value() != cells.front().value.has_value()) {
            return std::numeric_limits<double>::infinity();
        }
        // Equal infinities (an exact layer in both) have no difference, and inf - inf is NaN.
        if (cell.value && *cell.value != *cells.front().value) {
            largest = std::max(largest, std::abs(*cell.value - *cells.front().value));
        }
    }
    return largest;
}

core::Range differenceInterval95(double a, const core::Range& aInterval, double b,
                                 const core::Range& bInterval) {
    const double difference = b - a;
    return {difference - std::hypot(b - bInterval.lower, aInterval.upper - a),
            difference + std::hypot(bInterval.upper - b, a - aInterval.lower)};
}

Change changeOf(const CompareRow& row, std::size_t run) {
    const CompareCell& baseline = row.cells.front();
    const CompareCell& cell = row.cells[run];
    if (!baseline.value || !cell.value || cell.text == baseline.text) {
        return {};
    }
    const double change = *cell.value - *baseline.value;
    Change shown;
    shown.text = (change > 0 ? QStringLiteral("▲ ") : QStringLiteral("▼ "));
    if (std::isinf(change)) {
        shown.text += tr("exact");
    } else {
        shown.text += signedText(change, row.figure);
        if (row.figure == Figure::Bytes && *baseline.value > 0) {
            shown.text += tr(" (%1%2 %)")
                              .arg(change > 0 ? QStringLiteral("+") : QStringLiteral("−"))
                              .arg(std::abs(100 * change / *baseline.value), 0, 'f', 0);
        }
        shown.toolTip = (change > 0 ? QStringLiteral("+") : QStringLiteral("−")) +
                        exactText(std::abs(change), row.figure);
    }
    bool isCertain = true;
    if (baseline.interval95 && cell.interval95) {
        const core::Range interval =
            differenceInterval95(*baseline.value, *baseline.interval95, *cell.value, *cell.interval95);
        isCertain = !interval.contains(0);
        shown.toolTip = tr("95 % interval of the difference %1 … %2 points%3")
                            .arg(fixed(interval.lower, 2), fixed(interval.upper, 2),
                                 isCertain ? QString() : tr(": may be chance"));
        if (!isCertain) {
            shown.text += tr(" (may be chance)");
        }
    }
    if (isCertain && row.better != Better::Neither) {
        shown.isBetter = (change > 0) == (row.better == Better::Higher);
        shown.isWorse = !shown.isBetter;
    }
    return shown;
}

std::vector<CompareRow> summaryRows(const std::vector<ComparedRun>& runs) {
    std::vector<CompareRow> rows;
    rows.push_back(accuracyRow(runs));
    rows.push_back(
        metricRow(runs, metric::kMeanWeightBits, tr("Mean weight bits"), Figure::Bits, Better::Neither));
    rows.push_back(metricRow(runs, metric::kMeanActivationBits, tr("Mean activation bits"), Figure::Bits,
                             Better::Neither));
    rows.push_back(metricRow(runs, metric::kRomBytes, tr("ROM"), Figure::Bytes, Better::Lower));
    rows.push_back(metricRow(runs, metric::kRamBytes, tr("RAM peak"), Figure::Bytes, Better::Lower));
    rows.push_back(textRow(runs, tr("Device"), [](const experiments::RunRecord& run) {
        const core::Metric* const fits = findMetric(run, metric::kFitsDevice);
        const QString device = QString::fromStdString(run.what.deviceId);
        return fits == nullptr    ? device
               : fits->value != 0 ? tr("fits %1").arg(device)
                                  : tr("too big for %1").arg(device);
    }));
    rows.push_back(metricRow(runs, metric::kLoss, tr("Loss (nats)"), Figure::Number, Better::Lower));
    rows.push_back(
        metricRow(runs, metric::kImagesPerSecond, tr("Images per second"), Figure::Number, Better::Neither));
    appendOtherMetrics(rows, runs);
    rows.push_back(textRow(runs, tr("Status"), [](const auto& run) { return statusText(run.status); }));
    rows.push_back(textRow(runs, tr("Recipe"),
                           [](const auto& run) { return QString::fromStdString(run.what.recipeName); }));
    rows.push_back(textRow(runs, tr("Model"),
                           [](const auto& run) { return QString::fromStdString(run.what.modelPath); }));
    rows.push_back(hashRow(runs, tr("Model hash"), &experiments::NewRun::modelHash));
    rows.push_back(hashRow(runs, tr("Data hash"), &experiments::NewRun::dataHash));
    rows.push_back(hashRow(runs, tr("Configuration hash"), &experiments::NewRun::configHash));
    rows.push_back(
        textRow(runs, tr("Seed"), [](const auto& run) { return QString::number(run.what.seed.value); }));
    rows.push_back(
        textRow(runs, tr("Threads"), [](const auto& run) { return QString::number(run.what.threads); }));
    appendEnvironment(rows, runs);
    std::erase_if(rows, isEmpty);
    std::stable_partition(rows.begin(), rows.end(), [](const CompareRow& row) { return row.differs(); });
    return rows;
}

std::vector<CompareRow> layerRows(const std::vector<ComparedRun>& runs) {
    return LayerRowBuilder(runs).build();
}

}  // namespace bitlathe::ui
