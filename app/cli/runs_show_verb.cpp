#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/text_table.h"
#include "experiments/store/experiment_log.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

nlohmann::json parsedOrNull(const std::string& text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json::parse(text, nullptr, false);
}

nlohmann::json wholeRunToJson(const experiments::ExperimentLog& log, const experiments::RunRecord& run) {
    nlohmann::json json = runToJson(run);
    json["environment"] = run.what.environment;
    json["recipe_document"] = parsedOrNull(run.what.recipeJson);
    json["config_document"] = parsedOrNull(run.what.configJson);
    json["artefacts"] = nlohmann::json::array();
    for (const experiments::Artefact& artefact : log.artefacts(run.id)) {
        json["artefacts"].push_back(artefactToJson(artefact));
    }
    json["layer_statistics"] = nlohmann::json::array();
    for (const experiments::LayerStatistic& statistic : log.layerStatistics(run.id)) {
        json["layer_statistics"].push_back({{"layer", statistic.layer.str()},
                                            {"site", statistic.site},
                                            {"name", statistic.name},
                                            {"value", statistic.value}});
    }
    return json;
}

void printRun(const experiments::ExperimentLog& log, const experiments::RunRecord& run) {
    TextTable facts({{"Run " + std::to_string(run.id.value)}, {run.what.name}});
    facts.addRow(
        {"status", std::string(runStatusName(run.status)) + (run.error.empty() ? "" : ": " + run.error)});
    facts.addRow({"recipe", run.what.recipeName + " (execution " + run.what.groupId + ")"});
    facts.addRow({"started", run.startedAt});
    facts.addRow({"elapsed", decimals(run.elapsedMs / 1000, 1) + " s"});
    facts.addRow({"model", run.what.modelPath});
    facts.addRow({"device", run.what.deviceId.empty() ? "none" : run.what.deviceId});
    facts.addRow(
        {"seed, threads", std::to_string(run.what.seed.value) + ", " + std::to_string(run.what.threads)});
    for (const auto& [name, metric] : run.metrics) {
        facts.addRow(
            {name, metricText(metric) + (metric.unit.empty() || metric.unit == "B" ? "" : " " + metric.unit) +
                       (metric.lower95 && metric.upper95 ? "  (95 %: " + decimals(*metric.lower95, 2) +
                                                               " .. " + decimals(*metric.upper95, 2) +
                                                               ", n = " + std::to_string(metric.samples) + ")"
                                                         : "")});
    }
    for (const auto& [name, value] : run.what.environment) {
        facts.addRow({name, value});
    }
    for (const experiments::Artefact& artefact : log.artefacts(run.id)) {
        facts.addRow({artefact.kind, artefact.path});
    }
    printText(facts.text() + "\n");
    TextTable layers({{"Layer"}, {"Site"}, {"Statistic"}, {"Value", TextTable::Align::Right}});
    for (const experiments::LayerStatistic& statistic : log.layerStatistics(run.id)) {
        layers.addRow({statistic.layer.str(), statistic.site, statistic.name, decimals(statistic.value, 4)});
    }
    printText(layers.text());
}

int showRun(const CommandLine& line, std::int64_t id) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    const experiments::RunRecord run = log->run({id});
    if (line.isJson) {
        printJson(wholeRunToJson(*log, run));
    } else {
        printRun(*log, run);
    }
    return kExitOk;
}

}  // namespace

void addRunsShowVerb(CLI::App& runs, CommandLine& line) {
    auto id = std::make_shared<std::int64_t>(0);
    CLI::App* verb = runs.add_subcommand("show", "Everything the log holds about a run");
    verb->add_option("RUN", *id, "number of the run")->required()->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, id] { line.action = [&line, id] { return showRun(line, *id); }; });
}

}  // namespace bitlathe::cli
