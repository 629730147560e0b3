#include "engine/training/trainer.h"

#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/process_memory.h"
#include "engine/training/checkpoint.h"
#include "engine/training/gradient_step.h"
#include "engine/training/network.h"
#include "engine/training/quantized_network.h"
#include "engine/training/training_state.h"
#include "engine/training/workers.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRangeReportInterval = 10;  // steps
constexpr double kDiskRetrySeconds = 30;

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double percent(std::int64_t correct, std::int64_t samples) {
    return 100.0 * static_cast<double>(correct) / static_cast<double>(samples);
}

void requireTask(const core::TrainTask& task) {
    core::validateTrainOptions(task.options);
    if (task.trainData->batchCount() < std::max(1, task.workers.size)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "training: there is no training batch" +
                              std::string(task.workers.size > 1 ? " for every worker" : ""));
    }
}

/// Copies, so that what follows does not change them.
NamedTensors copied(const NamedTensors& tensors) {
    NamedTensors copies;
    for (const auto& [name, tensor] : tensors) {
        copies[name] = tensor.detach().clone();
    }
    return copies;
}

bool isDiskFull(const core::Error& error) {
    const std::string text = error.what();
    return text.find(std::strerror(ENOSPC)) != std::string::npos ||
           text.find(std::strerror(EDQUOT)) != std::string::npos;
}

std::unique_ptr<Network> makeNetwork(const core::TrainTask& task,
                                     const std::shared_ptr<const Workers>& workers) {
    if (task.quantization) {
        return std::make_unique<QuantizedNetwork>(task, workers);
    }
    return std::make_unique<Network>(*task.graph, task.options, workers);
}

/// The loop over epochs and batches: its order, its reports, its checkpoints and its ends.
class Training {
public:
    Training(const core::TrainTask& task, const core::RunContext& context,
             const core::TrainObserver& observer)
        : m_task(task), m_options(task.options), m_context(context), m_observer(observer),
          m_workers(Workers::join(task.workers)), m_network(makeNetwork(task, m_workers)),
          m_optimizer(makeOptimizer(m_options.optimizer, m_network->parameters(m_options))),
          m_step(task, *m_network, *m_optimizer, m_workers),
          m_schedule(core::makeSchedule(m_options.schedule, m_options.learningRate,
                                        {m_options.epochs, stepsPerEpoch()})) {
        if (!task.resumeFolder.empty()) {
            resume(checkpointPath(task.resumeFolder));
        }
    }

    core::TrainResult run() {
        while (m_state.epoch < m_options.epochs) {
            if (!runEpoch()) {
                return stoppedEarly();
            }
        }
        return m_options.keep == core::KeptWeights::Best ? bestResult() : *m_last;
    }

private:
    // Epochs and steps --------------------------------------------------------------------------------------

    /// False when a stop was asked for.
    bool runEpoch() {
        const auto begin = Clock::now();
        for (; m_state.batch < stepsPerEpoch(); ++m_state.batch, ++m_state.step) {
            m_context.checkpoint(m_state.step, totalSteps(), positionText() + lossText());
            if (m_context.isStopRequested()) {
                return false;
            }
            if (isCheckpointDue()) {
                saveCheckpoint();
            }
            step();
        }
        closeEpoch(begin, millisecondsSince(begin));
        ++m_state.epoch;
        m_state.batch = 0;
        m_state.lossSum = 0;
        m_state.samples = 0;
        m_state.correct = 0;
        saveCheckpoint();
        return true;
    }

    void step() {
        const auto begin = Clock::now();
        m_task.trainData->read(m_state.batch * m_task.workers.size + m_task.workers.rank, m_batch,
                               m_state.epoch);
        requireInputShape(m_network->structure(), m_batch.shape);
        forget(
            m_network->beginStep(static_cast<double>(m_state.epoch) +
                                 static_cast<double>(m_state.batch) / static_cast<double>(stepsPerEpoch())));
        const GradientStep::Learned learned = m_step.learn(m_batch, rate(), positionText());
        const auto size = static_cast<std::int64_t>(m_batch.labels.size());
        m_state.lossSum += learned.loss * static_cast<double>(size);
        m_state.samples += size;
        m_state.correct += learned.correct;
        reportStep(learned, size, millisecondsSince(begin));
    }

    /// What the optimizer knows of parameters whose names begin so.
    void forget(const std::vector<std::string>& fronts) {
        for (std::size_t i = 0; i < m_optimizer->parameters().size(); ++i) {
            for (const std::string& front : fronts) {
                if (m_optimizer->parameters()[i].name.starts_with(front + ".")) {
                    m_optimizer->reset(i);
                }
            }
        }
    }

    void closeEpoch(Clock::time_point begin, double learningMs) {
        // A stage of its own: the training's count must not jump back to the test's first batch.
        core::RunContext testing = m_context;
        testing.beginStage("test after epoch " + std::to_string(m_state.epoch + 1));
        core::EpochReport report;
        report.epoch = m_state.epoch + 1;
        shareSums();
        report.trainLoss = m_state.lossSum / static_cast<double>(m_state.samples);
        report.trainTop1Percent = percent(m_state.correct, m_state.samples);
        if (isFirst()) {
            report.test = m_network->evaluate(*m_task.testData, testing);
        }
        report.learningRate = m_schedule->rate(m_state.step - 1);
        report.imagesPerSecond = 1000.0 * static_cast<double>(m_state.samples) / learningMs;
        report.peakMemoryBytes = peakMemoryBytes();
        report.elapsedMs = millisecondsSince(begin);
        m_state.lastTest = report.test;
        m_last = core::TrainResult{m_network->graph(), m_network->plan(), report.test, report.epoch, false};
        if (m_state.bestNetwork.empty() || report.test.correct > m_state.bestTest.correct) {
            m_state.bestNetwork = copied(m_network->state());
            m_state.bestTest = report.test;
            m_state.bestEpoch = report.epoch;
            report.isBest = true;
        }
        if (m_observer.onEpoch) {
            m_observer.onEpoch(report);
        }
    }

    void shareSums() {
        if (m_workers != nullptr) {
            m_state.lossSum = m_workers->sum(m_state.lossSum);
            m_state.samples = std::llround(m_workers->sum(static_cast<double>(m_state.samples)));
            m_state.correct = std::llround(m_workers->sum(static_cast<double>(m_state.correct)));
        }
    }

    // Results -----------------------------------------------------------------------------------------------

    /// The best epoch's weights put back into the network.
    core::TrainResult bestResult() {
        restoreTensors(m_state.bestNetwork, "", m_network->state());
        return {m_network->graph(), m_network->plan(), m_state.bestTest, m_state.bestEpoch, false};
    }

    core::TrainResult stoppedEarly() {
        core::TrainResult result;
        if (!m_state.bestNetwork.empty()) {
            result = bestResult();
        } else {
            // Stopped inside the first epoch: what there is, measured.
            core::RunContext testing = m_context;
            testing.beginStage("test after the stop");
            result = {m_network->graph(), m_network->plan(), m_network->evaluate(*m_task.testData, testing),
                      m_state.epoch + 1, true};
        }
        result.isStoppedEarly = true;
        return result;
    }

    // Checkpoints -------------------------------------------------------------------------------------------

    bool isCheckpointDue() const {
        return m_options.checkpointMinutes > 0 && !m_task.checkpointFolder.empty() &&
               millisecondsSince(m_lastCheckpoint) > m_options.checkpointMinutes * 60'000;
    }

    /// Waits while the disk is full: a training of days must not be lost to it.
    void saveCheckpoint() {
        if (m_task.checkpointFolder.empty() || !isFirst()) {
            return;
        }
        for (;;) {
            try {
                packed(m_task, m_state, *m_network, *m_optimizer)
                    .save(checkpointPath(m_task.checkpointFolder));
                break;
            } catch (const core::Error& error) {
                if (!isDiskFull(error)) {
                    throw;
                }
                m_context.waitFor(
                    m_state.step, totalSteps(),
                    std::string("paused: the disk is full; free space and the training goes on (") +
                        error.what() + ")",
                    kDiskRetrySeconds);
            }
        }
        m_lastCheckpoint = Clock::now();
    }

    void resume(const std::string& path) {
        const std::optional<Checkpoint> found = Checkpoint::load(path);
        if (!found) {
            return;  // it ended before its first checkpoint: the beginning is where it goes on
        }
        m_state = unpacked(*found, path, m_task, *m_network, *m_optimizer);
        if (m_state.epoch > 0) {
            // Only the end of the training asks for it, and at an epoch's end it is what the network holds.
            m_last = core::TrainResult{m_network->graph(), m_network->plan(), m_state.lastTest, m_state.epoch,
                                       false};
        }
    }

    // Reports -----------------------------------------------------------------------------------------------

    void reportStep(const GradientStep::Learned& learned, std::int64_t size, double elapsedMs) const {
        if (!m_observer.onStep) {
            return;
        }
        core::StepReport report;
        report.step = m_state.step + 1;
        report.totalSteps = totalSteps();
        report.epoch = m_state.epoch + 1;
        report.loss = learned.loss;
        report.top1Percent = percent(learned.correct, size);
        report.learningRate = rate();
        report.imagesPerSecond = 1000.0 * static_cast<double>(size) / elapsedMs;
        report.peakMemoryBytes = peakMemoryBytes();
        if (report.step % kRangeReportInterval == 1) {
            report.ranges = m_network->ranges();
        }
        m_observer.onStep(report);
    }

    std::string positionText() const {
        return "epoch " + std::to_string(m_state.epoch + 1) + " of " + std::to_string(m_options.epochs) +
               ", batch " + std::to_string(m_state.batch + 1) + " of " + std::to_string(stepsPerEpoch());
    }
    std::string lossText() const {
        if (m_state.samples == 0) {
            return {};
        }
        char text[32];
        std::snprintf(text, sizeof text, ", loss %.3f",
                      m_state.lossSum / static_cast<double>(m_state.samples));
        return text;
    }

    bool isFirst() const { return m_task.workers.rank == 0; }
    double rate() const { return m_schedule->rate(m_state.step); }
    /// A last batch that not every worker has is left out.
    std::int64_t stepsPerEpoch() const { return m_task.trainData->batchCount() / m_task.workers.size; }
    std::int64_t totalSteps() const { return m_options.epochs * stepsPerEpoch(); }

    const core::TrainTask& m_task;
    const core::TrainOptions& m_options;
    const core::RunContext& m_context;
    const core::TrainObserver& m_observer;
    std::shared_ptr<const Workers> m_workers;  ///< null: alone
    std::unique_ptr<Network> m_network;
    std::unique_ptr<Optimizer> m_optimizer;
    GradientStep m_step;
    std::unique_ptr<core::LearningRateSchedule> m_schedule;
    core::Batch m_batch;
    TrainingState m_state;
    std::optional<core::TrainResult> m_last;  ///< of the epoch before; empty: none yet
    Clock::time_point m_lastCheckpoint = Clock::now();
};

}  // namespace

core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                        const core::TrainObserver& observer) {
    requireTask(task);
    return Training(task, context, observer).run();
}

}  // namespace bitlathe::engine
