#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/run_table.h"
#include "app/cli/training_report.h"
#include "experiments/recipes/worker_processes.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

namespace bitlathe::cli {

namespace {

struct RunOptions {
    std::string recipe;
    std::vector<std::string> assignments;
    int workers = 1;
    std::string statistics;
};

/// What main() got.
std::vector<std::string> ownArguments() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(file, argument, '\0');) {
        arguments.push_back(argument);
    }
    return arguments;
}

/// The log of a worker that is not the first: the first one's tells it all.
std::string forgottenLog(const core::WorkerGroup& group) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() /
        ("bitlathe-worker-" + std::to_string(group.port) + "-" + std::to_string(group.rank));
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    return (folder / "worker.db").string();
}

int run(const CommandLine& line, const RunOptions& options) {
    const experiments::Recipe recipe = loadRecipe(options.recipe, options.assignments);
    const core::DeviceCatalogue devices = loadDevices();
    experiments::Execution execution;
    execution.workers = experiments::workersFromEnvironment();
    std::optional<experiments::WorkerProcesses> others;
    if (options.workers > 1 && execution.workers.size == 1) {
        others.emplace(options.workers, "/proc/self/exe", ownArguments());
        execution.workers = others->group();
    }
    const bool isFirst = execution.workers.rank == 0;
    const auto log =
        experiments::ExperimentLog::open(isFirst ? line.logPath : forgottenLog(execution.workers));
    EngineSession session;
    const experiments::RecipeResult result =
        experiments::runRecipe(recipe, session.engine(), *log, devices, session.context(),
                               isFirst ? trainingReport(session) : experiments::RecipeObserver(), execution);
    session.clearProgress();
    if (line.isJson) {
        printJson(resultToJson(result, *log));
    } else {
        printText(resultTable(recipe, result, *log));
    }
    return kExitOk;
}

}  // namespace

void addRunVerb(CLI::App& app, CommandLine& line) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* verb = app.add_subcommand("run", "Run a recipe; each of its variants becomes a run in the log");
    verb->add_option("RECIPE", options->recipe, "recipe file, or the name of a bundled one (demo)")
        ->required();
    verb->add_option("--set", options->assignments,
                     "change a value of the recipe first: path=value, as in stages[evaluate].samples=1000")
        ->type_name("PATH=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    verb->add_option(
            "--workers", options->workers,
            "processes that share a training on this machine; on a cluster start one each with RANK, "
            "WORLD_SIZE, MASTER_ADDR and MASTER_PORT set instead")
        ->check(CLI::Range(1, 64));
    verb->add_option(
            "--statistics", options->statistics,
            "take the calibration from this file (\"save\" of a calibrate stage) instead of reading images")
        ->type_name("FILE");
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, options] {
        if (!options->statistics.empty()) {
            // Quoted, for a file may be called 123 or true.
            options->assignments.push_back(
                "stages[calibrate].load=" +
                nlohmann::json(options->statistics)
                    .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        }
        line.action = [&line, options] { return run(line, *options); };
    });
}

}  // namespace bitlathe::cli
