#include "experiments/store/process_identity.h"

#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

namespace bitlathe::experiments {

namespace {

std::string bootId() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
}

/// Field 22 of /proc/PID/stat (proc(5)); empty when there is no such process, or only its unreaped remains.
std::optional<std::int64_t> startTicks(std::int64_t processId) {
    std::ifstream file("/proc/" + std::to_string(processId) + "/stat");
    std::string line;
    std::getline(file, line);
    // Field 2, the program's name, may hold spaces and parentheses; it ends at the last one.
    const std::size_t end = line.rfind(')');
    if (end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream rest(line.substr(end + 1));
    std::string field;
    rest >> field;
    if (field == "Z" || field == "X") {
        return std::nullopt;
    }
    for (int number = 4; number < 22; ++number) {
        rest >> field;
    }
    std::int64_t ticks = 0;
    return rest >> ticks ? std::optional(ticks) : std::nullopt;
}

}  // namespace

ProcessIdentity currentProcess() {
    const std::int64_t id = getpid();
    return {id, startTicks(id).value_or(0), bootId()};
}

bool isAlive(const ProcessIdentity& process) {
    return process.bootId == bootId() && startTicks(process.processId) == process.startTicks;
}

}  // namespace bitlathe::experiments
