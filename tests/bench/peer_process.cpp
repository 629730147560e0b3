#include "tests/bench/peer_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bitlathe::bench {

PeerProcess::PeerProcess(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    int toPeer[2];
    int fromPeer[2];
    if (pipe2(toPeer, O_CLOEXEC) != 0 || pipe2(fromPeer, O_CLOEXEC) != 0) {
        throw std::runtime_error(std::string("no pipe to ") + command.front() + ": " + std::strerror(errno));
    }
    std::signal(SIGPIPE, SIG_IGN);  // a peer that has ended shows as an empty answer
    m_process = fork();
    if (m_process < 0) {
        throw std::runtime_error(std::string("no process for ") + command.front() + ": " +
                                 std::strerror(errno));
    }
    if (m_process == 0) {
        dup2(toPeer[0], STDIN_FILENO);
        dup2(fromPeer[1], STDOUT_FILENO);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    close(toPeer[0]);
    close(fromPeer[1]);
    m_in = toPeer[1];
    m_out = fromPeer[0];
}

PeerProcess::~PeerProcess() {
    close(m_in);  // it reads the end of its input and leaves
    close(m_out);
    waitpid(m_process, nullptr, 0);
}

std::string PeerProcess::ask(const std::string& line) {
    const std::string request = line + "\n";
    for (std::size_t sent = 0; sent < request.size();) {
        const ssize_t count = write(m_in, request.data() + sent, request.size() - sent);
        if (count <= 0) {
            return {};
        }
        sent += static_cast<std::size_t>(count);
    }
    std::size_t end;
    while ((end = m_unread.find('\n')) == std::string::npos) {
        std::array<char, 4096> part;
        const ssize_t count = read(m_out, part.data(), part.size());
        if (count <= 0) {
            return {};
        }
        m_unread.append(part.data(), static_cast<std::size_t>(count));
    }
    const std::string answer = m_unread.substr(0, end);
    m_unread.erase(0, end + 1);
    return answer;
}

}  // namespace bitlathe::bench
