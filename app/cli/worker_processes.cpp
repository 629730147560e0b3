#include "app/cli/worker_processes.h"

#include "core/types/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace bitlathe::cli {

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

[[noreturn]] void becomeWorker(const core::WorkerGroup& group, int rank,
                               const std::vector<std::string>& arguments) {
    ::setenv("RANK", std::to_string(rank).c_str(), 1);
    ::setenv("WORLD_SIZE", std::to_string(group.size).c_str(), 1);
    ::setenv("MASTER_ADDR", group.address.c_str(), 1);
    ::setenv("MASTER_PORT", std::to_string(group.port).c_str(), 1);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDOUT_FILENO);
    std::vector<char*> pointers;
    for (const std::string& argument : arguments) {
        pointers.push_back(const_cast<char*>(argument.c_str()));
    }
    pointers.push_back(nullptr);
    ::execv("/proc/self/exe", pointers.data());
    ::_exit(127);
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

WorkerProcesses::WorkerProcesses(int count, const std::vector<std::string>& arguments) {
    m_group.size = count;
    m_group.port = freePort();
    for (int rank = 1; rank < count; ++rank) {
        const pid_t child = ::fork();
        if (child == 0) {
            becomeWorker(m_group, rank, arguments);
        }
        if (child < 0) {
            throw core::Error(core::ErrorCode::Io, "worker " + std::to_string(rank) + " cannot be started");
        }
        m_children.push_back(child);
    }
}

WorkerProcesses::~WorkerProcesses() {
    for (const pid_t child : m_children) {
        ::kill(child, SIGKILL);  // what they would still do, this process has done
        ::waitpid(child, nullptr, 0);
    }
}

}  // namespace bitlathe::cli
