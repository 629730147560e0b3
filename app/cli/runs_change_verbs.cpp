#include "app/cli/command_line.h"
#include "app/cli/output.h"
#include "experiments/store/experiment_log.h"

#include <CLI/CLI.hpp>

namespace bitlathe::cli {

namespace {

int removeRuns(const CommandLine& line, const std::vector<std::int64_t>& ids) {
    const auto log = experiments::ExperimentLog::open(line.logPath);
    for (const std::int64_t id : ids) {
        log->run({id});  // all are there, or none is removed
    }
    for (const std::int64_t id : ids) {
        log->removeRun({id});
    }
    if (line.isJson) {
        printJson({{"removed", ids}});
    } else {
        printText("removed " + std::to_string(ids.size()) + (ids.size() == 1 ? " run\n" : " runs\n"));
    }
    return kExitOk;
}

}  // namespace

void addRunsChangeVerbs(CLI::App& runs, CommandLine& line) {
    auto ids = std::make_shared<std::vector<std::int64_t>>();
    CLI::App* verb = runs.add_subcommand("remove", "Remove runs from the log with the checkpoints and "
                                                   "trained models kept beside it; exported files stay");
    verb->add_option("RUN", *ids, "numbers of the runs")->required()->check(CLI::PositiveNumber);
    addLogOption(*verb, line);
    addJsonOption(*verb, line);
    verb->callback([&line, ids] { line.action = [&line, ids] { return removeRuns(line, *ids); }; });
}

}  // namespace bitlathe::cli
