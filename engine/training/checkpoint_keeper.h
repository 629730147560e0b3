#pragma once

#include "core/engine/engine.h"
#include "engine/training/training_state.h"

#include <chrono>
#include <cstdint>

namespace bitlathe::engine {

/// Writes a training's checkpoints into its task's folder, by rank 0 alone; without a folder it writes none.
class CheckpointKeeper {
public:
    /// What is referred to must outlive the object.
    CheckpointKeeper(const core::TrainTask& task, const core::RunContext& context);

    /// Whether the options' minutes have passed since the newest, or since the beginning.
    bool isDue() const;
    /// Waits while the disk is full: a training of days must not be lost to it. totalSteps  for the wait's progress
    /// Errors  Io: the folder cannot be written for another reason.
    void save(const TrainingState& state, std::int64_t totalSteps, Network& network, Optimizer& optimizer);

private:
    const core::TrainTask& m_task;
    const core::RunContext& m_context;
    std::chrono::steady_clock::time_point m_newest = std::chrono::steady_clock::now();
};

}  // namespace bitlathe::engine
