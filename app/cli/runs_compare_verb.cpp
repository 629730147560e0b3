#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/text_table.h"
#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/experiment_log.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace bitlathe::cli {

namespace {

using experiments::RunRecord;

/// Bits of each site by run, for the sites where the runs differ. Absent: float.
using BitsBySite = std::map<std::string, std::vector<std::optional<double>>>;

BitsBySite differingBits(const experiments::ExperimentLog& log, const std::vector<RunRecord>& runs) {
    BitsBySite bits;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        for (const experiments::LayerStatistic& statistic : log.layerStatistics(runs[i].id)) {
            if (statistic.name == experiments::metric::kBits) {
                auto& row = bits[statistic.layer.str() + " " + statistic.site];
                row.resize(runs.size());
                row[i] = statistic.value;
            }
        }
    }
    std::erase_if(bits, [](const auto& entry) {
        return std::adjacent_find(entry.second.begin(), entry.second.end(), std::not_equal_to<>()) ==
               entry.second.end();
    });
    return bits;
}

std::set<std::string> metricNamesOf(const std::vector<RunRecord>& runs) {
    std::set<std::string> names;
    for (const RunRecord& run : runs) {
        for (const auto& [name, metric] : run.metrics) {
            names.insert(name);
        }
    }
    return names;
}

std::optional<double> valueOf(const RunRecord& run, const std::string& name) {
    const auto found = run.metrics.find(name);
    return found == run.metrics.end() ? std::nullopt : std::optional(found->second.value);
}

nlohmann::json comparisonToJson(const std::vector<RunRecord>& runs, const BitsBySite& bits) {
    nlohmann::json json;
    json["runs"] = nlohmann::json::array();
    for (const RunRecord& run : runs) {
        json["runs"].push_back(runToJson(run));
    }
    json["metrics"] = nlohmann::json::object();
    for (const std::string& name : metricNamesOf(runs)) {
        nlohmann::json values = nlohmann::json::array();
        nlohmann::json deltas = nlohmann::json::array();
        const auto base = valueOf(runs.front(), name);
        for (const RunRecord& run : runs) {
            const auto value = valueOf(run, name);
            values.push_back(value ? nlohmann::json(*value) : nlohmann::json(nullptr));
            deltas.push_back(value && base ? nlohmann::json(*value - *base) : nlohmann::json(nullptr));
        }
        json["metrics"][name] = {{"values", std::move(values)}, {"deltas", std::move(deltas)}};
    }
    json["differing_bits"] = nlohmann::json::object();
    for (const auto& [site, row] : bits) {
        nlohmann::json values = nlohmann::json::array();
        for (const auto& value : row) {
            values.push_back(value ? nlohmann::json(*value) : nlohmann::json("float"));
        }
        json["differing_bits"][site] = std::move(values);
    }
    return json;
}

std::vector<TextTable::Column> columnsFor(const std::string& first, const std::vector<RunRecord>& runs) {
    std::vector<TextTable::Column> columns{{first}};
    for (const RunRecord& run : runs) {
        columns.push_back({std::to_string(run.id.value) + ": " + run.what.name, TextTable::Align::Right});
    }
    return columns;
}

/// The value, and beside it the difference to the first run.
std::string cellText(const RunRecord& run, const RunRecord& base, const std::string& name) {
    const auto value = valueOf(run, name);
    const auto reference = valueOf(base, name);
    if (!value) {
        return "";
    }
    const core::Metric& metric = run.metrics.at(name);
    if (!reference || &run == &base) {
        return metricText(metric);
    }
    core::Metric delta = metric;
    delta.value = *value - *reference;
    return metricText(metric) + " (" + (delta.value >= 0 ? "+" : "") + metricText(delta) + ")";
}

void printComparison(const std::vector<RunRecord>& runs, const BitsBySite& bits) {
    TextTable metrics(columnsFor("Metric", runs));
    for (const std::string& name : metricNamesOf(runs)) {
        std::vector<std::string> row{name};
        for (const RunRecord& run : runs) {
            row.push_back(cellText(run, runs.front(), name));
        }
        metrics.addRow(std::move(row));
    }
    printText(metrics.text() + "\n");
    if (bits.empty()) {
        printText("No site differs in its bits.\n");
        return;
    }
    TextTable sites(columnsFor("Bits", runs));
    for (const auto& [site, values] : bits) {
        std::vector<std::string> row{site};
        for (const auto& value : values) {
            row.push_back(value ? decimals(*value, 0) : "float");
        }
        sites.addRow(std::move(row));
    }
    printText(sites.text());
}

int compareRuns(const CommandLine& line, const std::vector<std::int64_t>& ids) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    std::vector<RunRecord> runs;
    for (const std::int64_t id : ids) {
        runs.push_back(log->run({id}));
    }
    const BitsBySite bits = differingBits(*log, runs);
    if (line.isJson) {
        printJson(comparisonToJson(runs, bits));
    } else {
        printComparison(runs, bits);
    }
    return kExitOk;
}

}  // namespace

void addRunsCompareVerb(CLI::App& runs, CommandLine& line) {
    auto ids = std::make_shared<std::vector<std::int64_t>>();
    CLI::App* verb = runs.add_subcommand("compare", "Runs side by side, with differences to the first");
    verb->add_option("RUN", *ids, "numbers of two runs or more")
        ->required()
        ->expected(2, 1000)
        ->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, ids] { line.action = [&line, ids] { return compareRuns(line, *ids); }; });
}

}  // namespace bitlathe::cli
