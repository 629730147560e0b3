#include "engine/training/checkpoint_keeper.h"

#include "core/types/error.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace bitlathe::engine {

namespace {

constexpr double kDiskRetrySeconds = 30;

bool isDiskFull(const core::Error& error) {
    const std::string text = error.what();
    return text.find(std::strerror(ENOSPC)) != std::string::npos ||
           text.find(std::strerror(EDQUOT)) != std::string::npos;
}

}  // namespace

CheckpointKeeper::CheckpointKeeper(const core::TrainTask& task, const core::RunContext& context)
    : m_task(task), m_context(context) {}

bool CheckpointKeeper::isDue() const {
    const std::chrono::duration<double, std::ratio<60>> minutes = std::chrono::steady_clock::now() - m_newest;
    return m_task.options.checkpointMinutes > 0 && minutes.count() > m_task.options.checkpointMinutes;
}

void CheckpointKeeper::save(const TrainingState& state, std::int64_t totalSteps, Network& network,
                            Optimizer& optimizer) {
    if (m_task.checkpointFolder.empty() || m_task.workers.rank != 0) {
        return;
    }
    const Checkpoint checkpoint = packed(m_task, state, network, optimizer);
    for (;;) {
        try {
            checkpoint.save(checkpointPath(m_task.checkpointFolder));
            break;
        } catch (const core::Error& error) {
            if (!isDiskFull(error)) {
                throw;
            }
            m_context.waitFor(state.step, totalSteps,
                              std::string("paused: the disk is full; free space and the training goes on (") +
                                  error.what() + ")",
                              kDiskRetrySeconds);
        }
    }
    m_newest = std::chrono::steady_clock::now();
}

}  // namespace bitlathe::engine
