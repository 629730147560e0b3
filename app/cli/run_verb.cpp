#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/run_table.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace bitlathe::cli {

namespace {

struct RunOptions {
    std::string recipe;
    std::vector<std::string> assignments;
};

void reportEpoch(const core::EpochReport& report) {
    std::fprintf(stderr, "epoch %lld: train loss %.4f, test top-1 %.2f %%, %.1f s\n",
                 static_cast<long long>(report.epoch), report.trainLoss, report.test.top1Percent(),
                 report.elapsedMs / 1000);
}

int run(const CommandLine& line, const RunOptions& options) {
    const experiments::Recipe recipe = loadRecipe(options.recipe, options.assignments);
    const core::DeviceCatalogue devices = loadDevices();
    const auto log = experiments::ExperimentLog::open(line.logPath);
    EngineSession session;
    experiments::RecipeObserver observer;
    observer.onEpoch = [&](const core::EpochReport& report) {
        session.clearProgress();
        reportEpoch(report);
    };
    const experiments::RecipeResult result =
        experiments::runRecipe(recipe, session.engine(), *log, devices, session.context(), observer);
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
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, options] { line.action = [&line, options] { return run(line, *options); }; });
}

}  // namespace bitlathe::cli
