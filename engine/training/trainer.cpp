#include "engine/training/trainer.h"

#include "core/graph/prepare.h"
#include "core/train/learning_rate_schedule.h"
#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/process_memory.h"
#include "engine/tensor_bridge.h"
#include "engine/training/checkpoint.h"
#include "engine/training/loss.h"
#include "engine/training/network.h"
#include "engine/training/quantized_network.h"
#include "engine/training/workers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eq.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bitlathe::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRangeReportInterval = 10;  // steps

double millisecondsSince(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void requireTask(const core::TrainTask& task) {
    core::validateTrainOptions(task.options);
    if (task.trainData->batchCount() < std::max(1, task.workers.size)) {
        throw core::Error(core::ErrorCode::InvalidConfig,
                          "training: there is no training batch" +
                              std::string(task.workers.size > 1 ? " for every worker" : ""));
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

/// A result that may not be there yet.
struct Outcome {
    core::TrainResult result;
    bool isSet = false;
};

/// Names of parts of a checkpoint.
constexpr const char* kNetwork = "network/";
constexpr const char* kBest = "best/";
constexpr double kDiskRetrySeconds = 30;

nlohmann::json testToJson(const core::EvaluationResult& test) {
    return {{"samples", test.samples},
            {"correct", test.correct},
            {"mean_loss", test.meanLoss},
            {"elapsed_ms", test.elapsedMs}};
}

core::EvaluationResult testFromJson(const nlohmann::json& json) {
    core::EvaluationResult test;
    test.samples = json.at("samples");
    test.correct = json.at("correct");
    test.meanLoss = json.at("mean_loss");
    test.elapsedMs = json.at("elapsed_ms");
    return test;
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

/// Scales all gradients so that their norm together is at most `largest`.
void clipGradients(const std::vector<Parameter>& parameters, double largest) {
    double squares = 0;
    for (const Parameter& parameter : parameters) {
        if (parameter.value.grad().defined()) {
            squares += parameter.value.grad().square().sum(at::kDouble).item().toDouble();
        }
    }
    const double norm = std::sqrt(squares);
    if (norm <= largest) {
        return;
    }
    for (const Parameter& parameter : parameters) {
        if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) {
            gradient.mul_(largest / norm);
        }
    }
}

std::unique_ptr<Network> makeNetwork(const core::TrainTask& task,
                                     const std::shared_ptr<const Workers>& workers) {
    if (task.quantization) {
        return std::make_unique<QuantizedNetwork>(task, workers);
    }
    return std::make_unique<Network>(*task.graph, task.options, workers);
}

class Training {
public:
    Training(const core::TrainTask& task, const core::RunContext& context,
             const core::TrainObserver& observer)
        : m_task(task), m_options(task.options), m_context(context), m_observer(observer),
          m_workers(Workers::join(task.workers)), m_network(makeNetwork(task, m_workers)),
          m_optimizer(makeOptimizer(m_options.optimizer, m_network->parameters(m_options))),
          m_schedule(core::makeSchedule(m_options.schedule, m_options.learningRate,
                                        {m_options.epochs, stepsPerEpoch()})) {
        if (m_options.distillation.weight > 0) {
            m_teacher.emplace(core::foldBatchNorm(*task.graph), ExecutionMode::Inference);
        }
        if (!task.resumeFolder.empty()) {
            resume(checkpointPath(task.resumeFolder));
        }
    }

    core::TrainResult run() {
        for (; m_position.epoch < m_options.epochs; ++m_position.epoch) {
            if (!runEpoch()) {
                return stoppedEarly();
            }
        }
        return m_options.keep == core::KeptWeights::Best ? bestResult() : m_last.result;
    }

private:
    /// False when a stop was asked for.
    bool runEpoch() {
        const auto begin = Clock::now();
        const std::int64_t steps = stepsPerEpoch();
        for (; m_position.batch < steps; ++m_position.batch, ++m_position.step) {
            m_context.checkpoint(m_position.step, totalSteps(), positionText() + lossText());
            if (m_context.isStopRequested()) {
                return false;
            }
            if (isCheckpointDue()) {
                saveCheckpoint();
            }
            step();
        }
        const double learningMs = millisecondsSince(begin);
        closeEpoch(begin, learningMs);
        const Position ended = m_position;
        m_position = {ended.epoch + 1, 0, ended.step};
        m_sums = {};
        saveCheckpoint();
        m_position.epoch = ended.epoch;
        return true;
    }

    void step() {
        const auto begin = Clock::now();
        m_task.trainData->read(m_position.batch * m_task.workers.size + m_task.workers.rank, m_batch,
                               m_position.epoch);
        requireInputShape(m_network->structure(), m_batch.shape);
        restart(m_network->beginStep(static_cast<double>(m_position.epoch) +
                                     static_cast<double>(m_position.batch) /
                                         static_cast<double>(stepsPerEpoch())));
        const auto [loss, correct] = learnBatch();
        const auto size = static_cast<std::int64_t>(m_batch.labels.size());
        m_sums.loss += loss * static_cast<double>(size);
        m_sums.samples += size;
        m_sums.correct += correct;
        reportStep(loss, correct, size, millisecondsSince(begin));
    }

    void restart(const std::vector<std::string>& fronts) {
        for (std::size_t i = 0; i < m_optimizer->parameters().size(); ++i) {
            for (const std::string& front : fronts) {
                if (m_optimizer->parameters()[i].name.starts_with(front + ".")) {
                    m_optimizer->reset(i);
                }
            }
        }
    }

    std::pair<double, std::int64_t> learnBatch() {
        const at::AutoGradMode gradients(true);
        const at::Tensor images = wrapImages(m_batch).to(m_network->device());
        const at::Tensor labels = wrapLabels(m_batch).to(m_network->device());
        const at::Tensor logits = logitsOf(images);
        requireLabels(logits.size(1));
        const at::Tensor loss = trainingLoss(logits, labels, teacherLogits(images), m_options);
        const double value = loss.item().toDouble();
        if (!std::isfinite(value)) {
            throwDiverged(images);
        }
        backward(loss);
        if (m_options.clipGradientNorm > 0) {
            clipGradients(m_optimizer->parameters(), m_options.clipGradientNorm);
        }
        m_optimizer->step(rate());
        m_network->endStep();
        const at::Tensor hits = logits.detach().argmax(1).eq(labels);
        return {value, hits.sum().item().toLong()};
    }

    at::Tensor logitsOf(const at::Tensor& images) const {
        try {
            return m_network->logits(images);
        } catch (const core::Error& error) {
            if (error.code() != core::ErrorCode::NonFiniteInput) {
                throw;
            }
            throwDiverged(error.what());  // a quantizer met the values before the loss did
        }
    }

    /// Gradients of the mean over all workers' images.
    void backward(const at::Tensor& loss) const {
        if (m_workers == nullptr) {
            loss.backward();
            return;
        }
        const auto own = static_cast<double>(m_batch.labels.size());
        const double size = m_workers->size();
        loss.mul(own * size / m_workers->sum(own)).backward();
        for (const Parameter& parameter : m_optimizer->parameters()) {
            if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) {
                m_workers->sum(gradient);
                gradient.div_(size);
            }
        }
    }

    at::Tensor teacherLogits(const at::Tensor& images) const {
        if (!m_teacher) {
            return {};
        }
        const at::NoGradGuard noGrad;
        return m_teacher->run(images.cpu()).flatten(1).to(images.device());
    }

    [[noreturn]] void throwDiverged(const at::Tensor& images) const {
        const std::string node = m_network->firstNonFiniteNode(images);
        throwDiverged(node.empty()
                          ? std::string("the loss is not finite")
                          : "the first values that are not finite are those of layer '" + node + "'");
    }
    [[noreturn]] void throwDiverged(const std::string& what) const {
        throw core::Error(core::ErrorCode::NonFiniteInput,
                          "training diverged in " + positionText() + ": " + what +
                              "; use a smaller learning rate or clip the gradients");
    }

    void closeEpoch(Clock::time_point begin, double learningMs) {
        // A stage of its own: the training's count must not jump back to the test's first batch.
        core::RunContext testing = m_context;
        testing.beginStage("test after epoch " + std::to_string(m_position.epoch + 1));
        core::EpochReport report;
        report.epoch = m_position.epoch + 1;
        shareSums();
        report.trainLoss = m_sums.loss / static_cast<double>(m_sums.samples);
        report.trainTop1Percent =
            100.0 * static_cast<double>(m_sums.correct) / static_cast<double>(m_sums.samples);
        if (isFirst()) {
            report.test = m_network->evaluate(*m_task.testData, testing);
        }
        report.learningRate = m_schedule->rate(m_position.step - 1);
        report.imagesPerSecond = 1000.0 * static_cast<double>(m_sums.samples) / learningMs;
        report.peakMemoryBytes = peakMemoryBytes();
        report.elapsedMs = millisecondsSince(begin);
        m_last = {{m_network->graph(), m_network->plan(), report.test, report.epoch, false}, true};
        if (m_bestState.empty() || report.test.correct > m_bestTest.correct) {
            m_bestState = copied(m_network->state());
            m_bestTest = report.test;
            m_bestEpoch = report.epoch;
            report.isBest = true;
        }
        if (m_observer.onEpoch) {
            m_observer.onEpoch(report);
        }
    }

    bool isFirst() const { return m_task.workers.rank == 0; }

    void shareSums() {
        if (m_workers != nullptr) {
            m_sums.loss = m_workers->sum(m_sums.loss);
            m_sums.samples = std::llround(m_workers->sum(static_cast<double>(m_sums.samples)));
            m_sums.correct = std::llround(m_workers->sum(static_cast<double>(m_sums.correct)));
        }
    }

    /// The best epoch's weights put back into the network.
    core::TrainResult bestResult() {
        restoreTensors(m_bestState, "", m_network->state());
        return {m_network->graph(), m_network->plan(), m_bestTest, m_bestEpoch, false};
    }

    core::TrainResult stoppedEarly() {
        core::TrainResult result;
        if (!m_bestState.empty()) {
            result = bestResult();
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

    // Checkpoints -------------------------------------------------------------------------------------------

    bool isCheckpointDue() const {
        return m_options.checkpointMinutes > 0 && !m_task.checkpointFolder.empty() &&
               millisecondsSince(m_lastCheckpoint) > m_options.checkpointMinutes * 60'000;
    }

    /// What a checkpoint must agree with: the model, the data and the length of the training.
    nlohmann::json fingerprint() const {
        return {{"model", core::graphHash(*m_task.graph)},
                {"data", m_task.trainData->hash()},
                {"epochs", m_options.epochs},
                {"batch_size", m_options.batchSize},
                {"optimizer", m_options.optimizer.name},
                {"learning_rate", m_options.learningRate}};
    }

    NamedTensors optimizerState() const {
        NamedTensors all;
        const auto& slots = m_optimizer->state();
        for (std::size_t slot = 0; slot < slots.size(); ++slot) {
            for (std::size_t i = 0; i < slots[slot].size(); ++i) {
                if (slots[slot][i].defined()) {
                    all["optimizer/" + std::to_string(slot) + "/" + m_optimizer->parameters()[i].name] =
                        slots[slot][i];
                }
            }
        }
        return all;
    }

    Checkpoint checkpoint() const {
        Checkpoint result;
        result.numbers = {{"fingerprint", fingerprint()},
                          {"epoch", m_position.epoch},
                          {"batch", m_position.batch},
                          {"step", m_position.step},
                          {"loss_sum", m_sums.loss},
                          {"samples", m_sums.samples},
                          {"correct", m_sums.correct},
                          {"optimizer_steps", m_optimizer->steps()},
                          {"best_epoch", m_bestEpoch},
                          {"best_test", testToJson(m_bestTest)},
                          {"last_test", testToJson(m_last.result.test)}};
        result.tensors = optimizerState();
        for (const auto& [name, tensor] : m_network->state()) {
            result.tensors[kNetwork + name] = tensor;
        }
        for (const auto& [name, tensor] : m_bestState) {
            result.tensors[kBest + name] = tensor;
        }
        return result;
    }

    /// Waits while the disk is full: a training of days must not be lost to it.
    void saveCheckpoint() {
        if (m_task.checkpointFolder.empty() || !isFirst()) {
            return;
        }
        for (;;) {
            try {
                checkpoint().save(checkpointPath(m_task.checkpointFolder));
                break;
            } catch (const core::Error& error) {
                if (!isDiskFull(error)) {
                    throw;
                }
                m_context.waitFor(
                    m_position.step, totalSteps(),
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
        const nlohmann::json& numbers = found->numbers;
        if (numbers.at("fingerprint") != fingerprint()) {
            throw core::Error(
                core::ErrorCode::InvalidConfig,
                "the checkpoint " + path +
                    " was made with another model, other data or other options; resume with the "
                    "recipe it was made by");
        }
        m_position = {numbers.at("epoch"), numbers.at("batch"), numbers.at("step")};
        m_sums = {numbers.at("loss_sum"), numbers.at("samples"), numbers.at("correct")};
        restoreTensors(found->tensors, kNetwork, m_network->state());
        restoreOptimizer(*found);
        for (const auto& [name, tensor] : found->tensors) {
            if (name.starts_with(kBest)) {
                m_bestState[name.substr(std::strlen(kBest))] = tensor;
            }
        }
        m_bestEpoch = numbers.at("best_epoch");
        m_bestTest = testFromJson(numbers.at("best_test"));
        if (m_position.epoch > 0) {
            // Only the end of the training asks for it, and at an epoch's end it is what the network holds.
            m_last = {{m_network->graph(), m_network->plan(), testFromJson(numbers.at("last_test")),
                       m_position.epoch, false},
                      true};
        }
    }

    void restoreOptimizer(const Checkpoint& from) {
        const at::NoGradGuard noGrad;
        m_optimizer->steps() = from.numbers.at("optimizer_steps").get<std::vector<std::int64_t>>();
        auto& slots = m_optimizer->state();
        for (std::size_t slot = 0; slot < slots.size(); ++slot) {
            for (std::size_t i = 0; i < slots[slot].size(); ++i) {
                const Parameter& parameter = m_optimizer->parameters()[i];
                const auto found =
                    from.tensors.find("optimizer/" + std::to_string(slot) + "/" + parameter.name);
                if (found != from.tensors.end()) {
                    slots[slot][i] = at::empty_like(parameter.value).copy_(found->second);
                }
            }
        }
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
        report.peakMemoryBytes = peakMemoryBytes();
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
    /// A last batch that not every worker has is left out.
    std::int64_t stepsPerEpoch() const { return m_task.trainData->batchCount() / m_task.workers.size; }
    std::int64_t totalSteps() const { return m_options.epochs * stepsPerEpoch(); }

    std::string positionText() const {
        return "epoch " + std::to_string(m_position.epoch + 1) + " of " + std::to_string(m_options.epochs) +
               ", batch " + std::to_string(m_position.batch + 1) + " of " + std::to_string(stepsPerEpoch());
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
    std::shared_ptr<const Workers> m_workers;  ///< null: alone
    std::unique_ptr<Network> m_network;
    std::unique_ptr<Optimizer> m_optimizer;
    std::unique_ptr<core::LearningRateSchedule> m_schedule;
    std::optional<GraphExecutor> m_teacher;
    core::Batch m_batch;
    Position m_position;
    EpochSums m_sums;
    Outcome m_last;
    NamedTensors m_bestState;  ///< of the epoch with the most correct test images; empty: none yet
    core::EvaluationResult m_bestTest;
    std::int64_t m_bestEpoch = 0;
    Clock::time_point m_lastCheckpoint = Clock::now();
};

}  // namespace

core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                        const core::TrainObserver& observer) {
    requireTask(task);
    return Training(task, context, observer).run();
}

}  // namespace bitlathe::engine
