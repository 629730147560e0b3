#pragma once

#include "core/engine/engine.h"
#include "engine/optimizers/optimizer.h"
#include "engine/training/checkpoint.h"
#include "engine/training/network.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace bitlathe::engine {

/// Where a training is and what it has found so far, beside its network and its optimizer.
struct TrainingState {
    std::int64_t epoch = 0;  ///< 0-based
    std::int64_t batch = 0;  ///< the next one
    std::int64_t step = 0;   ///< over all epochs

    // Sums over the part of the epoch that is done.
    double lossSum = 0;
    std::int64_t samples = 0;
    std::int64_t correct = 0;

    // As measured on the images epochs are compared on: those held out, or the test images.
    core::EvaluationResult lastMeasured;  ///< of the epoch before
    NamedTensors bestNetwork;             ///< state of the epoch with the most correct; empty: none yet
    core::EvaluationResult bestMeasured;
    std::int64_t bestEpoch = 0;  ///< 1-based

    /// Goes to the beginning of the next epoch.
    void closeEpoch();
};

/// What a checkpoint must agree with to be gone on from: the model, the data and the length of the training.
nlohmann::json fingerprintOf(const core::TrainTask& task);

/// All three as one checkpoint; shares the tensors.
Checkpoint packed(const core::TrainTask& task, const TrainingState& state, Network& network,
                  Optimizer& optimizer);
/// The other way. path  the checkpoint's, for the error
/// Errors  InvalidConfig: it belongs to another training.
TrainingState unpacked(const Checkpoint& checkpoint, const std::string& path, const core::TrainTask& task,
                       Network& network, Optimizer& optimizer);

}  // namespace bitlathe::engine
