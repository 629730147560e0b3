#include "app/cli/command_line.h"
#include "app/cli/engine_session.h"
#include "app/cli/output.h"
#include "app/cli/run_json.h"
#include "app/cli/run_table.h"
#include "app/cli/training_report.h"
#include "core/types/error.h"
#include "experiments/recipes/run_folder.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

int resume(const CommandLine& line, std::int64_t id) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    const experiments::RunRecord before = log->run({id});
    if (before.status == experiments::RunStatus::Running ||
        before.status == experiments::RunStatus::Succeeded) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "run " + std::to_string(id) + " is " + std::string(runStatusName(before.status)) +
                              "; only one that was interrupted, cancelled or failed can be resumed");
    }
    const auto recipe = experiments::Recipe::parse(nlohmann::json::parse(before.what.recipeJson));
    const core::DeviceCatalogue devices = loadDevices();
    EngineSession session;
    experiments::Execution execution;
    execution.resumeFolder = experiments::runFolder(*log, {id});
    const auto result = experiments::runRecipe(recipe, session.engine(), *log, devices, session.context(),
                                               trainingReport(session), execution);
    session.clearProgress();
    for (const experiments::VariantResult& variant : result.variants) {
        log->addMetric(variant.run, {"resumed_run", static_cast<double>(id), "", 0, {}, {}});
    }
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
