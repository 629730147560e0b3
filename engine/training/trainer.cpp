#include "engine/training/trainer.h"

#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/process_memory.h"
#include "engine/training/checkpoint.h"
#include "engine/training/checkpoint_keeper.h"
#include "engine/training/gradient_step.h"
#include "engine/training/network.h"
#include "engine/training/quantized_network.h"
#include "engine/training/training_state.h"
#include "engine/training/workers.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRangeReportInterval = 10;  // steps

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
                                        {m_options.epochs, stepsPerEpoch()})),
          m_checkpoints(task, context) {}

    core::TrainResult run() {
        if (!m_task.resumeFolder.empty()) {
            resume(checkpointPath(m_task.resumeFolder));
        }
        while (m_state.epoch < m_options.epochs) {
            if (!runEpoch()) {
                return stoppedEarly();
            }
        }
        return m_options.keep == core::KeptWeights::Best ? bestResult()
                                                         : result(m_state.lastMeasured, m_state.epoch);
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
            if (m_checkpoints.isDue()) {
                saveCheckpoint();
            }
            step();
        }
        closeEpoch(begin, millisecondsSince(begin));
        m_state.closeEpoch();
        saveCheckpoint();
        return true;
    }

    void saveCheckpoint() { m_checkpoints.save(m_state, totalSteps(), *m_network, *m_optimizer); }

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
        shareSums();
        const core::EvaluationResult measured =
            measure(comparedOn(), "measure epoch " + std::to_string(m_state.epoch + 1));
        core::EpochReport report;
        report.epoch = m_state.epoch + 1;
        report.trainLoss = m_state.lossSum / static_cast<double>(m_state.samples);
        report.trainTop1Percent = percent(m_state.correct, m_state.samples);
        (m_task.validationData == nullptr ? report.test : report.validation.emplace()) = measured;
        report.learningRate = m_schedule->rate(m_state.step - 1);
        report.imagesPerSecond = 1000.0 * static_cast<double>(m_state.samples) / learningMs;
        report.peakMemoryBytes = peakMemoryBytes();
        report.elapsedMs = millisecondsSince(begin);
        report.isBest = keepIfBest(measured);
        if (m_observer.onEpoch) {
            m_observer.onEpoch(report);
        }
    }

    /// Whether the epoch that ends is the best so far.
    bool keepIfBest(const core::EvaluationResult& measured) {
        m_state.lastMeasured = measured;
        if (!m_state.bestNetwork.empty() && measured.correct <= m_state.bestMeasured.correct) {
            return false;
        }
        m_state.bestNetwork = copied(m_network->state());
        m_state.bestMeasured = measured;
        m_state.bestEpoch = m_state.epoch + 1;
        return true;
    }

    void shareSums() {
        if (m_workers != nullptr) {
            m_state.lossSum = m_workers->sum(m_state.lossSum);
            m_state.samples = std::llround(m_workers->sum(static_cast<double>(m_state.samples)));
            m_state.correct = std::llround(m_workers->sum(static_cast<double>(m_state.correct)));
        }
    }

    // Results -----------------------------------------------------------------------------------------------

    const core::BatchSource& comparedOn() const {
        return m_task.validationData == nullptr ? *m_task.testData : *m_task.validationData;
    }

    /// Of the network as it is, by rank 0 alone. A stage of its own: the training's count must not jump back to the
    /// first batch.
    core::EvaluationResult measure(const core::BatchSource& data, const std::string& stage) const {
        if (!isFirst()) {
            return {};
        }
        core::RunContext context = m_context;
        context.beginStage(stage);
        return m_network->evaluate(data, context);
    }

    /// What the network holds. measured  of it, on the images epochs are compared on
    core::TrainResult result(const core::EvaluationResult& measured, std::int64_t epoch) const {
        core::TrainResult result;
        result.graph = m_network->graph();
        result.plan = m_network->plan();
        result.epoch = epoch;
        if (m_task.validationData == nullptr) {
            result.test = measured;
        } else {
            result.validation = measured;
            result.test = measure(*m_task.testData, "test");
        }
        return result;
    }

    /// The best epoch's weights put back into the network.
    core::TrainResult bestResult() {
        restoreTensors(m_state.bestNetwork, "", m_network->state());
        core::TrainResult best = result(m_state.bestMeasured, m_state.bestEpoch);
        best.isChosenByTest = m_task.validationData == nullptr && m_state.epoch > 1;
        return best;
    }

    core::TrainResult stoppedEarly() {
        // Inside the first epoch: what there is, measured.
        core::TrainResult stopped = m_state.bestNetwork.empty()
                                        ? result(measure(comparedOn(), "measure after the stop"), 1)
                                        : bestResult();
        stopped.isStoppedEarly = true;
        return stopped;
    }

    void resume(const std::string& path) {
        // None: it ended before its first checkpoint, and the beginning is where it goes on.
        if (const std::optional<Checkpoint> found = Checkpoint::load(path)) {
            m_state = unpacked(*found, path, m_task, *m_network, *m_optimizer);
            saveCheckpoint();  // its own, so that it can be resumed before the next is due
        }
        if (m_observer.onResume) {
            m_observer.onResume(m_state.step, totalSteps());
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
    CheckpointKeeper m_checkpoints;
};

}  // namespace

core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                        const core::TrainObserver& observer) {
    requireTask(task);
    return Training(task, context, observer).run();
}

}  // namespace bitlathe::engine
