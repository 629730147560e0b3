#include "engine/training/trainer.h"

#include "core/graph/prepare.h"
#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/process_memory.h"
#include "engine/tensor_bridge.h"
#include "engine/training/loss.h"
#include "engine/training/network.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/eq.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRangeReportInterval = 10;  // steps

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void requireTask(const core::TrainTask& task) {
    core::validateTrainOptions(task.options);
    if (task.trainData->batchCount() < 1) {
        throw core::Error(core::ErrorCode::InvalidConfig, "training: there is no training batch");
    }
}

/// Where in the training we are.
struct Position {
    std::int64_t epoch = 0;  ///< 0-based
    std::int64_t batch = 0;  ///< the next one
    std::int64_t step = 0;   ///< over all epochs
};

/// Sums over the part of an epoch that is done.
struct EpochSums {
    double loss = 0;
    std::int64_t samples = 0;
    std::int64_t correct = 0;
};

/// The epoch with the most correct test images so far.
struct Best {
    core::TrainResult result;
    bool isSet = false;
};

class Training {
public:
    Training(const core::TrainTask& task, const core::RunContext& context,
             const core::TrainObserver& observer)
        : m_task(task), m_options(task.options), m_context(context), m_observer(observer),
          m_network(std::make_unique<Network>(*task.graph, task.options)),
          m_optimizer(makeOptimizer(m_options.optimizer, m_network->parameters(m_options))),
          m_schedule(core::makeSchedule(m_options.schedule, m_options.learningRate,
                                        {m_options.epochs, task.trainData->batchCount()})) {
        if (m_options.distillation.weight > 0) {
            m_teacher.emplace(core::foldBatchNorm(*task.graph), ExecutionMode::Inference);
        }
    }

    core::TrainResult run() {
        for (; m_position.epoch < m_options.epochs; ++m_position.epoch) {
            if (!runEpoch()) {
                return stoppedEarly();
            }
        }
        return m_options.keep == core::KeptWeights::Best ? m_best.result : m_last;
    }

private:
    /// False when a stop was asked for.
    bool runEpoch() {
        const auto begin = Clock::now();
        const std::int64_t batches = m_task.trainData->batchCount();
        for (; m_position.batch < batches; ++m_position.batch, ++m_position.step) {
            m_context.checkpoint(m_position.step, totalSteps(), positionText() + lossText());
            if (m_context.isStopRequested()) {
                return false;
            }
            step();
        }
        const double learningMs = millisecondsSince(begin);
        closeEpoch(begin, learningMs);
        m_position.batch = 0;
        m_sums = {};
        return true;
    }

    void step() {
        const auto begin = Clock::now();
        m_task.trainData->read(m_position.batch, m_batch, m_position.epoch);
        requireInputShape(m_network->structure(), m_batch.shape);
        m_network->beginStep(static_cast<double>(m_position.epoch) +
                             static_cast<double>(m_position.batch) /
                                 static_cast<double>(m_task.trainData->batchCount()));
        const auto [loss, correct] = learnBatch();
        const auto size = static_cast<std::int64_t>(m_batch.labels.size());
        m_sums.loss += loss * static_cast<double>(size);
        m_sums.samples += size;
        m_sums.correct += correct;
        reportStep(loss, correct, size, millisecondsSince(begin));
    }

    std::pair<double, std::int64_t> learnBatch() {
        const at::AutoGradMode gradients(true);
        const at::Tensor images = wrapImages(m_batch);
        const at::Tensor labels = wrapLabels(m_batch);
        const at::Tensor logits = m_network->logits(images);
        requireLabels(logits.size(1));
        const at::Tensor loss = trainingLoss(logits, labels, teacherLogits(images), m_options);
        const double value = loss.item().toDouble();
        if (!std::isfinite(value)) {
            throwDiverged(images);
        }
        loss.backward();
        m_optimizer->step(rate());
        m_network->endStep();
        const at::Tensor hits = logits.detach().argmax(1).eq(labels);
        return {value, hits.sum().item().toLong()};
    }

    at::Tensor teacherLogits(const at::Tensor& images) const {
        if (!m_teacher) {
            return {};
        }
        const at::NoGradGuard noGrad;
        return m_teacher->run(images).flatten(1);
    }

    [[noreturn]] void throwDiverged(const at::Tensor& images) const {
        const std::string node = m_network->firstNonFiniteNode(images);
        throw core::Error(
            core::ErrorCode::NonFiniteInput,
            "training diverged: the loss is not finite in " + positionText() +
                (node.empty() ? "" : "; the first values to go are those of layer '" + node + "'") +
                "; use a smaller learning rate or clip the gradients");
    }

    void closeEpoch(Clock::time_point begin, double learningMs) {
        // A stage of its own: the training's count must not jump back to the test's first batch.
        core::RunContext testing = m_context;
        testing.beginStage("test after epoch " + std::to_string(m_position.epoch + 1));
        core::EpochReport report;
        report.epoch = m_position.epoch + 1;
        report.trainLoss = m_sums.loss / static_cast<double>(m_sums.samples);
        report.trainTop1Percent =
            100.0 * static_cast<double>(m_sums.correct) / static_cast<double>(m_sums.samples);
        report.test = m_network->evaluate(*m_task.testData, testing);
        report.learningRate = m_schedule->rate(m_position.step - 1);
        report.imagesPerSecond = 1000.0 * static_cast<double>(m_sums.samples) / learningMs;
        report.peakMemoryBytes = peakMemoryBytes();
        report.elapsedMs = millisecondsSince(begin);
        m_last = {m_network->graph(), m_network->plan(), report.test, report.epoch, false};
        if (!m_best.isSet || report.test.correct > m_best.result.test.correct) {
            m_best = {m_last, true};
            report.isBest = true;
        }
        if (m_observer.onEpoch) {
            m_observer.onEpoch(report);
        }
    }

    core::TrainResult stoppedEarly() {
        core::TrainResult result;
        if (m_best.isSet) {
            result = m_best.result;
        } else {
            // Stopped inside the first epoch: what there is, measured.
            core::RunContext testing = m_context;
            testing.beginStage("test after the stop");
            result = {m_network->graph(), m_network->plan(), m_network->evaluate(*m_task.testData, testing),
                      m_position.epoch + 1, true};
        }
        result.isStoppedEarly = true;
        return result;
    }

    void reportStep(double loss, std::int64_t correct, std::int64_t size, double elapsedMs) const {
        if (!m_observer.onStep) {
            return;
        }
        core::StepReport report;
        report.step = m_position.step + 1;
        report.totalSteps = totalSteps();
        report.epoch = m_position.epoch + 1;
        report.loss = loss;
        report.top1Percent = 100.0 * static_cast<double>(correct) / static_cast<double>(size);
        report.learningRate = rate();
        report.imagesPerSecond = 1000.0 * static_cast<double>(size) / elapsedMs;
        if (report.step % kRangeReportInterval == 1) {
            report.ranges = m_network->ranges();
        }
        m_observer.onStep(report);
    }

    void requireLabels(std::int64_t classes) const {
        for (const std::int64_t label : m_batch.labels) {
            requireLabel(label, classes, m_network->structure());
        }
    }

    double rate() const { return m_schedule->rate(m_position.step); }
    std::int64_t totalSteps() const { return m_options.epochs * m_task.trainData->batchCount(); }

    std::string positionText() const {
        return "epoch " + std::to_string(m_position.epoch + 1) + " of " + std::to_string(m_options.epochs) +
               ", batch " + std::to_string(m_position.batch + 1) + " of " +
               std::to_string(m_task.trainData->batchCount());
    }
    std::string lossText() const {
        if (m_sums.samples == 0) {
            return {};
        }
        char text[32];
        std::snprintf(text, sizeof text, ", loss %.3f", m_sums.loss / static_cast<double>(m_sums.samples));
        return text;
    }

    const core::TrainTask& m_task;
    const core::TrainOptions& m_options;
    const core::RunContext& m_context;
    const core::TrainObserver& m_observer;
    std::unique_ptr<Network> m_network;
    std::unique_ptr<Optimizer> m_optimizer;
    std::unique_ptr<core::LearningRateSchedule> m_schedule;
    std::optional<GraphExecutor> m_teacher;
    core::Batch m_batch;
    Position m_position;
    EpochSums m_sums;
    core::TrainResult m_last;
    Best m_best;
};

}  // namespace

core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                        const core::TrainObserver& observer) {
    requireTask(task);
    return Training(task, context, observer).run();
}

}  // namespace bitlathe::engine
