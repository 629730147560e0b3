#include "experiments/recipes/worker_processes.h"

#include "core/types/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace bitlathe::experiments {

namespace {

int numberFromEnvironment(const char* name, int otherwise) {
    const char* const text = std::getenv(name);
    if (text == nullptr) {
        return otherwise;
    }
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > 65535) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          std::string(name) + "='" + text + "' is no whole number");
    }
    return static_cast<int>(number);
}

/// A port nobody listens at on the loopback.
int freePort() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool isFound = descriptor >= 0 &&
                         ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                         ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (descriptor >= 0) {
        ::close(descriptor);
    }
    if (!isFound) {
        throw core::Error(core::ErrorCode::Io, "no port is free on this machine for the workers to meet at");
    }
    return ntohs(address.sin_port);
}

/// NAME=value pairs of this process, those of `own` in place of what it has of the same names.
std::vector<std::string> environmentWith(const std::vector<std::pair<std::string, std::string>>& own) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const bool isReplaced = std::any_of(
            own.begin(), own.end(), [&](const auto& pair) { return text.starts_with(pair.first + "="); });
        if (!isReplaced) {
            all.push_back(text);
        }
    }
    for (const auto& [name, value] : own) {
        all.push_back(name + "=" + value);
    }
    return all;
}

/// For the exec family, which takes them writable and does not write.
std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// Spawned, not forked: a window's process has threads, between whose locks a fork could stop.
pid_t startWorker(const core::WorkerGroup& group, int rank, const std::string& program,
                  const std::vector<std::string>& arguments) {
    const std::vector<std::string> environment =
        environmentWith({{"RANK", std::to_string(rank)},
                         {"WORLD_SIZE", std::to_string(group.size)},
                         {"MASTER_ADDR", group.address},
                         {"MASTER_PORT", std::to_string(group.port)}});
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_RDWR, 0);
    pid_t child = 0;
    const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, pointersTo(arguments).data(),
                                  pointersTo(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw core::Error(core::ErrorCode::Io, "worker " + std::to_string(rank) + ", '" + program +
                                                   "', cannot be started: " + std::strerror(error));
    }
    return child;
}

void endAll(const std::vector<pid_t>& children) {
    for (const pid_t child : children) {
        ::kill(child, SIGKILL);  // what they would still do, this process has done
        ::waitpid(child, nullptr, 0);
    }
}

}  // namespace

core::WorkerGroup workersFromEnvironment() {
    core::WorkerGroup group;
    group.rank = numberFromEnvironment("RANK", 0);
    group.size = numberFromEnvironment("WORLD_SIZE", 1);
    group.port = numberFromEnvironment("MASTER_PORT", group.port);
    if (const char* const address = std::getenv("MASTER_ADDR")) {
        group.address = address;
    }
    return group;
}

WorkerProcesses::WorkerProcesses(int count, const std::string& program,
                                 const std::vector<std::string>& arguments) {
    m_group.size = count;
    m_group.port = freePort();
    try {
        for (int rank = 1; rank < count; ++rank) {
            m_children.push_back(startWorker(m_group, rank, program, arguments));
        }
    } catch (const core::Error&) {
        endAll(m_children);
        throw;
    }
}

WorkerProcesses::~WorkerProcesses() {
    endAll(m_children);
}

}  // namespace bitlathe::experiments
