#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace bitlathe::bench {

/// A program that answers every line it reads with one line: the peers the bench is measured against, each
/// in a process of its own, so that their threads, allocator and libraries are their own. Waits, idle, while
/// we run.
class PeerProcess {
public:
    /// command  program and arguments; the program is looked up on PATH
    /// Errors  std::runtime_error when no process can be made. A program that is not there shows in ask().
    explicit PeerProcess(const std::vector<std::string>& command);
    ~PeerProcess();
    PeerProcess(const PeerProcess&) = delete;
    PeerProcess& operator=(const PeerProcess&) = delete;

    /// Sends one line, waits for the answer. Empty when the process has ended.
    std::string ask(const std::string& line);

private:
    pid_t m_process = -1;
    int m_in = -1;   ///< what it reads
    int m_out = -1;  ///< what it writes
    std::string m_unread;
};

}  // namespace bitlathe::bench
