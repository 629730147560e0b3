#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "core/types/error.h"
#include "experiments/records/metric_names.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace bitlathe::cli {

namespace {

using experiments::RunRecord;

bool isSameNumber(double a, double b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

/// Hashes of the files by kind and name: the folder may be another.
std::multimap<std::string, std::string> fileHashes(const std::vector<experiments::Artefact>& artefacts) {
    std::multimap<std::string, std::string> hashes;
    for (const experiments::Artefact& artefact : artefacts) {
        hashes.emplace(artefact.kind + " " + artefact.path.substr(artefact.path.rfind('/') + 1),
                       artefact.sha256);
    }
    return hashes;
}

/// What is not the same, one line each. Speed and memory may differ, nothing else.
std::vector<std::string> differences(const experiments::ExperimentLog& log, const RunRecord& before,
                                     const RunRecord& after) {
    std::vector<std::string> lines;
    const auto compareTexts = [&](const char* what, const std::string& a, const std::string& b) {
        if (a != b) {
            lines.push_back(std::string(what) + " differs: " + a + " became " + b);
        }
    };
    compareTexts("model hash", before.what.modelHash, after.what.modelHash);
    compareTexts("data hash", before.what.dataHash, after.what.dataHash);
    compareTexts("configuration hash", before.what.configHash, after.what.configHash);
    for (const auto& [name, metric] : before.metrics) {
        const auto again = after.metrics.find(name);
        if (name == experiments::metric::kImagesPerSecond ||
            name == experiments::metric::kTrainImagesPerSecond ||
            name == experiments::metric::kPeakMemoryBytes) {
            continue;
        }
        if (again == after.metrics.end() || !isSameNumber(metric.value, again->second.value)) {
            lines.push_back(
                name + ": " + nlohmann::json(metric.value).dump() + " became " +
                (again == after.metrics.end() ? "nothing" : nlohmann::json(again->second.value).dump()));
        }
    }
    const auto filesAfter = fileHashes(log.artefacts(after.id));
    for (const auto& [file, hash] : fileHashes(log.artefacts(before.id))) {
        const auto [first, last] = filesAfter.equal_range(file);
        const bool isAmong =
            std::any_of(first, last, [&](const auto& entry) { return entry.second == hash; });
        if (first != last && !isAmong) {
            lines.push_back(file + ": other bytes");
        }
    }
    return lines;
}

int rerun(const CommandLine& line, std::int64_t id) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    const RunRecord before = log->run({id});
    if (before.status != experiments::RunStatus::Succeeded) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "run " + std::to_string(id) + " is " + std::string(runStatusName(before.status)) +
                              "; only a run that succeeded has numbers to compare with");
    }
    const auto recipe = experiments::Recipe::parse(nlohmann::json::parse(before.what.recipeJson));
    const core::DeviceCatalogue devices = loadDevices();
    EngineSession session;
    const auto result = experiments::runRecipe(recipe, session.engine(), *log, devices, session.context());
    session.clearProgress();
    const RunRecord after = log->run(result.variants.back().run);
    const std::vector<std::string> lines = differences(*log, before, after);
    if (line.isJson) {
        printJson({{"before", runToJson(before)},
                   {"after", runToJson(after)},
                   {"is_same", lines.empty()},
                   {"differences", lines}});
    } else {
        printText("run " + std::to_string(id) + " again is run " + std::to_string(after.id.value) +
                  (lines.empty() ? ": the same numbers\n" : ": not the same\n"));
        for (const std::string& difference : lines) {
            printText("  " + difference + "\n");
        }
    }
    return lines.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void addRunsRerunVerb(CLI::App& runs, CommandLine& line) {
    auto id = std::make_shared<std::int64_t>(0);
    CLI::App* verb = runs.add_subcommand(
        "rerun", "Repeat a run and say whether it gives the same (exit code 1: it does not)");
    verb->add_option("RUN", *id, "number of the run")->required()->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, id] { line.action = [&line, id] { return rerun(line, *id); }; });
}

}  // namespace bitlathe::cli
