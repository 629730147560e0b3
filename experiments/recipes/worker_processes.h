#pragma once

#include "core/engine/engine.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace bitlathe::experiments {

/// This process's place in a training of several: from RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, as torchrun,
/// Slurm's srun and others set them; alone without them. Errors  InvalidConfig: one that is no number.
core::WorkerGroup workersFromEnvironment();

/// The other workers on this machine: a program that runs the same recipe (`bitlathe-cli run FILE`) with a rank each,
/// silent, with logs of their own that go with them. They end with this object.
class WorkerProcesses {
public:
    /// Starts count - 1 of them. arguments  as main() gets them, the program's own name first
    /// Errors  Io naming what could not be started.
    WorkerProcesses(int count, const std::string& program, const std::vector<std::string>& arguments);
    ~WorkerProcesses();
    WorkerProcesses(const WorkerProcesses&) = delete;
    WorkerProcesses& operator=(const WorkerProcesses&) = delete;

    /// Of this process, rank 0.
    const core::WorkerGroup& group() const noexcept { return m_group; }

private:
    core::WorkerGroup m_group;
    std::vector<pid_t> m_children;
};

}  // namespace bitlathe::experiments
