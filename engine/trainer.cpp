#include "engine/trainer.h"

#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/graph_executor.h"
#include "engine/one_cycle.h"
#include "engine/sgd.h"
#include "engine/tensor_bridge.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

void validate(const core::TrainOptions& options, const core::BatchSource& data) {
    const auto refuse = [](const std::string& text) {
        throw core::Error(core::ErrorCode::InvalidConfig, "training: " + text);
    };
    if (options.epochs < 1) {
        refuse("epochs must be at least 1, not " + std::to_string(options.epochs));
    }
    if (!(options.maxLearningRate > 0) || !std::isfinite(options.maxLearningRate)) {
        refuse("the learning rate must be positive");
    }
    if (!(options.momentum >= 0 && options.momentum < 1)) {
        refuse("momentum must lie in [0, 1)");
    }
    if (!(options.weightDecay >= 0) || !(options.labelSmoothing >= 0 && options.labelSmoothing < 1)) {
        refuse("weight decay must not be negative, label smoothing must lie in [0, 1)");
    }
    if (data.batchCount() < 1) {
        refuse("there is no training batch");
    }
}

std::vector<Sgd::Parameter> parametersOf(GraphExecutor& executor, double weightDecay) {
    std::vector<Sgd::Parameter> parameters;
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(executor.graph().nodes.size()); ++id) {
        const NodeTensors& tensors = executor.tensors(id);
        if (tensors.weight.defined()) {
            parameters.push_back({tensors.weight, weightDecay});
        }
        for (const at::Tensor& undecayed : {tensors.bias, tensors.gamma, tensors.beta}) {
            if (undecayed.defined()) {
                parameters.push_back({undecayed, 0.0});
            }
        }
    }
    return parameters;
}

/// The graph with the executor's present weights.
core::Graph snapshot(const GraphExecutor& executor) {
    core::Graph graph = executor.graph();
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const NodeTensors& tensors = executor.tensors(static_cast<core::NodeId>(i));
        core::Operator& op = graph.nodes[i].op;
        if (auto* conv = std::get_if<core::Conv2dOp>(&op)) {
            conv->weight = unwrap(tensors.weight);
            conv->bias = unwrap(tensors.bias);
        } else if (auto* linear = std::get_if<core::LinearOp>(&op)) {
            linear->weight = unwrap(tensors.weight);
            linear->bias = unwrap(tensors.bias);
        } else if (auto* norm = std::get_if<core::BatchNormOp>(&op)) {
            norm->gamma = unwrap(tensors.gamma);
            norm->beta = unwrap(tensors.beta);
            norm->mean = unwrap(tensors.mean);
            norm->variance = unwrap(tensors.variance);
        }
    }
    return graph;
}

/// Cross entropy takes logits: the node in front of a closing softmax.
core::NodeId logitsNode(const core::Graph& graph) {
    const core::Node& last = graph.node(graph.output);
    return std::holds_alternative<core::SoftmaxOp>(last.op) ? last.inputs.front() : graph.output;
}

std::string positionText(std::int64_t epoch, std::int64_t epochs, std::int64_t batch, std::int64_t batches) {
    return "epoch " + std::to_string(epoch + 1) + " of " + std::to_string(epochs) + ", batch " +
           std::to_string(batch + 1) + " of " + std::to_string(batches);
}

/// Everything a pass over the training data changes.
class Training {
public:
    Training(const core::Graph& graph, const core::BatchSource& data, const core::TrainOptions& options)
        : m_executor(graph, ExecutionMode::Training), m_logits(logitsNode(graph)), m_data(data),
          m_options(options), m_sgd(parametersOf(m_executor, options.weightDecay), options.momentum),
          m_schedule(options.maxLearningRate, options.epochs * data.batchCount()) {}

    /// Mean loss over the epoch's samples.
    double runEpoch(std::int64_t epoch, const core::RunContext& context) {
        const std::int64_t batches = m_data.batchCount();
        double lossSum = 0;
        std::int64_t samples = 0;
        for (std::int64_t i = 0; i < batches; ++i) {
            context.checkpoint(m_step, m_options.epochs * batches,
                               positionText(epoch, m_options.epochs, i, batches) +
                                   lossText(lossSum, samples));
            m_data.read(i, m_batch, epoch);
            requireInputShape(m_executor.graph(), m_batch.shape);
            const double loss = learnBatch();
            if (!std::isfinite(loss)) {
                throw core::Error(core::ErrorCode::NonFiniteInput,
                                  "training diverged: the loss is not finite in " +
                                      positionText(epoch, m_options.epochs, i, batches) +
                                      "; use a smaller learning rate");
            }
            const auto size = static_cast<std::int64_t>(m_batch.labels.size());
            lossSum += loss * static_cast<double>(size);
            samples += size;
        }
        return lossSum / static_cast<double>(samples);
    }

    core::Graph graph() const { return snapshot(m_executor); }

private:
    static std::string lossText(double lossSum, std::int64_t samples) {
        if (samples == 0) {
            return {};
        }
        char text[32];
        std::snprintf(text, sizeof text, ", loss %.3f", lossSum / static_cast<double>(samples));
        return text;
    }

    double learnBatch() {
        const at::AutoGradMode gradients(true);
        const at::Tensor logits = m_executor.run(wrapImages(m_batch), m_logits).flatten(1);
        requireLabels(logits.size(1));
        const at::Tensor loss = at::cross_entropy_loss(logits, wrapLabels(m_batch), {}, /*reduction=mean*/ 1,
                                                       /*ignore_index=*/-100, m_options.labelSmoothing);
        const double value = loss.item().toDouble();
        if (std::isfinite(value)) {
            loss.backward();
            m_sgd.step(m_schedule.rate(m_step));
        }
        ++m_step;
        return value;
    }

    void requireLabels(std::int64_t classes) const {
        for (const std::int64_t label : m_batch.labels) {
            requireLabel(label, classes, m_executor.graph());
        }
    }

    GraphExecutor m_executor;
    core::NodeId m_logits;
    const core::BatchSource& m_data;
    const core::TrainOptions& m_options;
    Sgd m_sgd;
    OneCycle m_schedule;
    core::Batch m_batch;
    std::int64_t m_step = 0;
};

} // namespace

core::Graph trainGraph(const core::Graph& graph, const core::BatchSource& trainData,
                       const core::BatchSource& testData, const core::TrainOptions& options,
                       const core::RunContext& context,
                       const std::function<void(const core::EpochReport&)>& onEpoch) {
    validate(options, trainData);
    Training training(graph, trainData, options);
    core::Graph trained = graph;
    for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
        const auto begin = std::chrono::steady_clock::now();
        core::EpochReport report;
        report.epoch = epoch + 1;
        report.trainLoss = training.runEpoch(epoch, context);
        trained = training.graph();
        // A stage of its own: the training's count must not jump back to the test's first batch.
        core::RunContext testing = context;
        testing.beginStage("test after epoch " + std::to_string(report.epoch));
        report.test = evaluateClassifier(GraphExecutor(trained, ExecutionMode::Inference), testData, testing);
        report.elapsedMs =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
        if (onEpoch) {
            onEpoch(report);
        }
    }
    return trained;
}

} // namespace bitlathe::engine
