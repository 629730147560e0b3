#pragma once

namespace CLI {
class App;
}

#include <functional>
#include <string>

namespace bitlathe::cli {

// Exit codes: 0 done, 1 the work failed, 2 bad usage or input, 128 + signal when stopped by one (130:
// Ctrl-C).
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadInput = 2;

/// The whole program: parses, does the verb, turns errors into a message on stderr (with --json also an
/// object
/// {"error": {"code", "message"}} on stdout) and an exit code.
int runCommandLine(int argc, char** argv);

/// What the verbs share while the command line is parsed: each verb's callback leaves here what is to be
/// done.
struct CommandLine {
    std::function<int()> action;
    bool isJson = false;  ///< --json
    std::string logPath;  ///< --log, else the default
};

/// Options that many verbs have.
void addJsonOption(CLI::App& verb, CommandLine& line);
void addLogOption(CLI::App& verb, CommandLine& line);

// One for each verb, in a file of its own.
void addFitVerb(CLI::App& app, CommandLine& line);
void addInspectVerb(CLI::App& app, CommandLine& line);
void addRunVerb(CLI::App& app, CommandLine& line);
void addResumeVerb(CLI::App& app, CommandLine& line);
void addExportVerb(CLI::App& app, CommandLine& line);
void addDevicesVerb(CLI::App& app, CommandLine& line);
void addRegistryVerbs(CLI::App& app, CommandLine& line);
void addRunsListVerb(CLI::App& runs, CommandLine& line);
void addRunsShowVerb(CLI::App& runs, CommandLine& line);
void addRunsCompareVerb(CLI::App& runs, CommandLine& line);
void addRunsChangeVerbs(CLI::App& runs, CommandLine& line);
void addRunsRerunVerb(CLI::App& runs, CommandLine& line);

}  // namespace bitlathe::cli
