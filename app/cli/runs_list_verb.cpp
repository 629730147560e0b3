#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/text_table.h"
#include "core/types/error.h"
#include "experiments/records/metric_names.h"
#include "experiments/store/experiment_log.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace bitlathe::cli {

namespace {

namespace metric = experiments::metric;

struct ListOptions {
    experiments::RunQuery query;
    std::string status;
    bool isAscending = false;
};

/// A misspelt column would silently sort by id.
void checkSortKey(const experiments::ExperimentLog& log, const std::string& key) {
    static constexpr std::array kColumns{"id", "name", "recipe", "model", "status", "started", "elapsed"};
    const std::vector<std::string> metrics = log.metricNames();
    if (std::find(kColumns.begin(), kColumns.end(), key) != kColumns.end() || metrics.empty() ||
        std::find(metrics.begin(), metrics.end(), key) != metrics.end()) {
        return;
    }
    std::string known;
    for (const char* column : kColumns) {
        known += std::string(column) + ", ";
    }
    for (const std::string& name : metrics) {
        known += name + (name == metrics.back() ? "" : ", ");
    }
    throw core::Error(core::ErrorCode::InvalidConfig,
                      "--sort " + key + ": no such column or metric; known: " + known);
}

void printList(const std::vector<experiments::RunRecord>& runs, std::int64_t total) {
    using Align = TextTable::Align;
    TextTable table({{"Run", Align::Right},
                     {"Started"},
                     {"Status"},
                     {"Recipe"},
                     {"Variant"},
                     {"Top-1 %", Align::Right},
                     {"W bits", Align::Right},
                     {"ROM", Align::Right},
                     {"RAM", Align::Right}});
    for (const experiments::RunRecord& run : runs) {
        table.addRow({std::to_string(run.id.value), run.startedAt.substr(0, 19),
                      std::string(runStatusName(run.status)), run.what.recipeName, run.what.name,
                      metricText(run, metric::kTop1), metricText(run, metric::kMeanWeightBits),
                      metricText(run, metric::kRomBytes), metricText(run, metric::kRamBytes)});
    }
    printText(table.text());
    if (static_cast<std::int64_t>(runs.size()) < total) {
        printText(std::to_string(runs.size()) + " of " + std::to_string(total) +
                  "; see --limit and --offset\n");
    }
}

int listRuns(const CommandLine& line, const ListOptions& options) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    experiments::RunQuery query = options.query;
    query.isDescending = !options.isAscending;
    if (!options.status.empty()) {
        query.status = experiments::runStatusFromName(options.status);
    }
    checkSortKey(*log, query.sortBy);
    const std::vector<experiments::RunRecord> runs = log->runs(query);
    const std::int64_t total = log->runCount(query);
    if (!line.isJson) {
        printList(runs, total);
        return kExitOk;
    }
    nlohmann::json json = nlohmann::json::array();
    for (const experiments::RunRecord& run : runs) {
        json.push_back(runToJson(run));
    }
    printJson({{"log", log->path()}, {"total", total}, {"runs", std::move(json)}});
    return kExitOk;
}

}  // namespace

void addRunsListVerb(CLI::App& runs, CommandLine& line) {
    auto options = std::make_shared<ListOptions>();
    options->query.limit = 50;
    CLI::App* verb = runs.add_subcommand("list", "Runs, newest first");
    verb->add_option("--text", options->query.text, "only with this in variant, recipe or model");
    verb->add_option("--status", options->status, "only these")
        ->check(CLI::IsMember({"running", "succeeded", "failed", "cancelled", "interrupted"}));
    verb->add_option("--group", options->query.groupId, "only of this execution of a recipe");
    verb->add_option("--sort", options->query.sortBy, "column or metric to sort by")->capture_default_str();
    verb->add_flag("--ascending", options->isAscending, "smallest first");
    verb->add_option("--limit", options->query.limit, "at most so many; 0: all")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    verb->add_option("--offset", options->query.offset, "leave out the first so many")
        ->check(CLI::NonNegativeNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, options] { line.action = [&line, options] { return listRuns(line, *options); }; });
}

}  // namespace bitlathe::cli
