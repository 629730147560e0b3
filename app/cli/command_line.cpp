#include "app/cli/command_line.h"

#include "app/cli/cancel_on_signal.h"
#include "app/cli/output.h"
#include "core/types/error.h"
#include "experiments/records/environment_record.h"
#include "experiments/store/experiment_log.h"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

namespace bitlathe::cli {

namespace {

/// Messages go to stderr: stdout is for results.
void setUpMessages(bool isVerbose) {
    auto logger =
        std::make_shared<spdlog::logger>("bitlathe", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%^%l:%$ %v");
    logger->set_level(isVerbose ? spdlog::level::debug : spdlog::level::warn);
    spdlog::set_default_logger(logger);
}

void addVerbs(CLI::App& app, CommandLine& line) {
    addInspectVerb(app, line);
    addRunVerb(app, line);
    addResumeVerb(app, line);
    CLI::App& runs = *app.add_subcommand("runs", "What the experiment log holds");
    runs.require_subcommand(1);
    addRunsListVerb(runs, line);
    addRunsShowVerb(runs, line);
    addRunsCompareVerb(runs, line);
    addRunsChangeVerbs(runs, line);
    addRunsRerunVerb(runs, line);
    addFitVerb(app, line);
    addExportVerb(app, line);
    addDevicesVerb(app, line);
    addRegistryVerbs(app, line);
}

int fail(const CommandLine& line, std::string_view code, const std::string& message, int exitCode) {
    std::fprintf(stderr, "bitlathe-cli: %s\n", message.c_str());
    if (line.isJson) {
        printJson({{"error", {{"code", code}, {"message", message}}}});
    }
    return exitCode;
}

int act(const CommandLine& line) {
    try {
        return line.action();
    } catch (const core::Cancelled&) {
        return fail(line, "cancelled", "stopped; the run is in the log as cancelled", exitCodeOfSignal());
    } catch (const core::Error& error) {
        return fail(line, core::errorCodeName(error.code()), error.what(),
                    error.isBadInput() ? kExitBadInput : kExitFailed);
    } catch (const std::exception& error) {
        return fail(line, core::errorCodeName(core::ErrorCode::Unknown), error.what(), kExitFailed);
    }
}

}  // namespace

void addJsonOption(CLI::App& verb, CommandLine& line) {
    verb.add_flag("--json", line.isJson, "machine-readable output with stable keys");
}

void addLogOption(CLI::App& verb, CommandLine& line) {
    verb.add_option("--log", line.logPath, "experiment log (default: " + experiments::defaultLogPath() + ")")
        ->type_name("FILE");
}

int runCommandLine(int argc, char** argv) {
    CommandLine line;
    CLI::App app("Bitlathe: quantization experiments without the window", "bitlathe-cli");
    app.set_version_flag("--version", "bitlathe-cli " + experiments::bitlatheVersion());
    app.require_subcommand(1);
    bool isVerbose = false;
    app.add_flag("-v,--verbose", isVerbose, "say more on stderr");
    addVerbs(app, line);
    line.logPath = experiments::defaultLogPath();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitBadInput;  // help and version are no errors
    }
    setUpMessages(isVerbose);
    return act(line);
}

}  // namespace bitlathe::cli
