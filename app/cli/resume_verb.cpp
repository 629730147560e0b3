#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/run_table.h"
#include "app/cli/training_report.h"
#include "experiments/recipes/resume_run.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

int resume(const CommandLine& line, std::int64_t id) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    const experiments::Recipe recipe = experiments::recipeToResume(*log, {id});
    const core::DeviceCatalogue devices = loadDevices();
    EngineSession session;
    const auto result = experiments::resumeRun({id}, session.engine(), *log, devices, session.context(),
                                               trainingReport(session));
    session.clearProgress();
    if (line.isJson) {
        printJson(resultToJson(result, *log));
    } else {
        printText(resultTable(recipe, result, *log));
    }
    return kExitOk;
}

}  // namespace

void addResumeVerb(CLI::App& app, CommandLine& line) {
    auto id = std::make_shared<std::int64_t>(0);
    CLI::App* verb = app.add_subcommand(
        "resume", "Go on with a training that was interrupted, from its newest checkpoint, as a new run");
    verb->add_option("RUN", *id, "number of the run")->required()->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, id] { line.action = [&line, id] { return resume(line, *id); }; });
}

}  // namespace bitlathe::cli
