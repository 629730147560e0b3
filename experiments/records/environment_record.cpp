#include "experiments/records/environment_record.h"

#include <sys/utsname.h>

#include <fstream>

namespace bitlathe::experiments {

namespace {

/// Value of the first line that begins with `key`, after `separator`; "unknown" when there is none.
std::string valueIn(const char* file, const std::string& key, char separator) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.find(separator);
        if (line.starts_with(key) && at != std::string::npos) {
            std::string value = line.substr(at + 1);
            const std::size_t first = value.find_first_not_of(" \t\"");
            const std::size_t last = value.find_last_not_of(" \t\"");
            return first == std::string::npos ? "unknown" : value.substr(first, last - first + 1);
        }
    }
    return "unknown";
}

std::string kernel() {
    utsname name{};
    return uname(&name) == 0 ? std::string(name.sysname) + " " + name.release + " " + name.machine
                             : "unknown";
}

}  // namespace

std::string bitlatheVersion() {
    return BITLATHE_VERSION;
}

std::map<std::string, std::string> describeEnvironment(const core::EngineInfo& engine) {
    return {{"bitlathe", bitlatheVersion()},
            {"torch", engine.torchVersion},
            {"blas", engine.blas},
            {"cpu_capability", engine.cpuCapability},
            {"threads", std::to_string(engine.threads)},
            {"cpu", valueIn("/proc/cpuinfo", "model name", ':')},
            {"compiler", "gcc " __VERSION__},
            {"os", valueIn("/etc/os-release", "PRETTY_NAME", '=')},
            {"kernel", kernel()}};
}

}  // namespace bitlathe::experiments
