#pragma once

#include "core/data/batches.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "core/run/run_context.h"
#include "core/search/sensitivity.h"
#include "core/train/train_options.h"
#include "core/types/channel_detail.h"
#include "core/types/site_statistics.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Accuracy of a classifier on labelled data.
struct EvaluationResult {
    std::int64_t samples = 0;
    std::int64_t correct = 0;
    double meanLoss = 0;  ///< cross entropy, nats
    double elapsedMs = 0;
    double top1Percent() const noexcept {
        return samples == 0 ? 0.0 : 100.0 * static_cast<double>(correct) / static_cast<double>(samples);
    }
};

/// Error one layer's output carries, against the float model.
struct LayerError {
    LayerId layer;
    double isolatedSqnrDb = 0;     ///< only this layer quantized
    double accumulatedSqnrDb = 0;  ///< everything up to here quantized
};

/// What a quantizer's range is at a moment of training.
struct SiteRange {
    SiteId site;
    double lower = 0;  ///< representable, tensor units; of all slices together
    double upper = 0;
};

/// One optimizer step, as a live curve shows it.
struct StepReport {
    std::int64_t step = 0;  ///< 1-based, over all epochs
    std::int64_t totalSteps = 0;
    std::int64_t epoch = 0;  ///< 1-based
    double loss = 0;         ///< mean over the batch, before the step
    double top1Percent = 0;  ///< on the batch
    double learningRate = 0;
    double imagesPerSecond = 0;        ///< of this step, over all workers
    std::int64_t peakMemoryBytes = 0;  ///< of the process so far; 0 where the system does not say
    std::vector<SiteRange> ranges;     ///< of the quantized sites; filled in every tenth step
};

struct EpochReport {
    std::int64_t epoch = 0;  ///< 1-based
    double trainLoss = 0;
    double trainTop1Percent = 0;  ///< while learning, augmented
    /// On the held-out images, of the deployed form: folded and fake-quantized where a configuration is. Empty
    /// where nothing is held out.
    std::optional<EvaluationResult> validation;
    EvaluationResult test;             ///< likewise, where nothing is held out; no samples otherwise
    double learningRate = 0;           ///< of the last step
    double imagesPerSecond = 0;        ///< training alone
    std::int64_t peakMemoryBytes = 0;  ///< of the process so far
    double elapsedMs = 0;
    bool isBest = false;  ///< the most correct images so far, of those epochs are compared on

    /// What epochs are compared by.
    const EvaluationResult& measured() const noexcept { return validation ? *validation : test; }
};

/// Told as things happen, on the working thread.
struct TrainObserver {
    /// Of a training with TrainTask::resumeFolder, before its first step: how many steps it need not take again.
    std::function<void(std::int64_t done, std::int64_t totalSteps)> onResume;
    std::function<void(const StepReport&)> onStep;
    std::function<void(const EpochReport&)> onEpoch;
};

/// One process of a data-parallel training. Each works on its share of every batch; gradients are averaged.
struct WorkerGroup {
    int rank = 0;
    int size = 1;
    std::string address = "127.0.0.1";  ///< of rank 0
    int port = 29500;
};

/// Quantization in the training loop.
struct QuantizedTraining {
    const QuantConfig* config = nullptr;  ///< bits and quantizers by layer of prepare(graph)
    const Statistics* statistics =
        nullptr;                       ///< of the activations: where ranges and learned parameters start
    const QuantPlan* start = nullptr;  ///< of an earlier run, whose activation ranges replace those of the
                                       ///< statistics; null: none
    QatOptions options;
};

/// The newest checkpoint's name in TrainTask::checkpointFolder.
inline constexpr const char* kCheckpointFile = "checkpoint.blck";

/// A training as a whole. What is pointed to must outlive the call.
struct TrainTask {
    const Graph* graph = nullptr;            ///< batch norm not folded
    const BatchSource* trainData = nullptr;  ///< batches of TrainOptions::batchSize
    /// Training images kept out of trainData, on which epochs are compared; null: they are compared on testData.
    const BatchSource* validationData = nullptr;
    const BatchSource* testData = nullptr;  ///< read once, at the end, where there is validation data
    TrainOptions options;
    std::optional<QuantizedTraining> quantization;  ///< empty: float training
    std::string checkpointFolder;                   ///< where checkpoints go; empty: none are written
    std::string
        resumeFolder;  ///< whose newest checkpoint to continue from, if it holds one; empty: begin anew
    WorkerGroup workers;
};

struct TrainResult {
    Graph graph;     ///< trained, batch norm not folded
    QuantPlan plan;  ///< of prepare(graph) with the configuration's batch-norm modes; empty for float
    EvaluationResult test;
    std::optional<EvaluationResult> validation;  ///< of these weights; empty where nothing was held out
    bool isChosenByTest = false;  ///< the best of several epochs on the test images: `test` is optimistic
    std::int64_t epoch = 0;       ///< whose weights these are, 1-based
    bool isStoppedEarly = false;  ///< by RunContext::requestStop
};

struct EngineInfo {
    std::string torchVersion;
    std::string blas;
    std::string cpuCapability;
    int threads = 1;
};

class PostTrainingEngine;

/// The tensor work, implemented over LibTorch in a library that is opened at run time (engine_loader.h): the
/// window shows before LibTorch is there, and everything else builds without it. One thread at a time may
/// call an Engine. Every method may throw core::Error and Cancelled.
class Engine {
public:
    virtual ~Engine() = default;

    virtual EngineInfo info() const = 0;
    /// Intra-op threads; part of what makes a run repeatable.
    virtual void setThreads(int threads) = 0;

    /// Reads a TorchScript file (traced or scripted, saved with torch.jit.save) into a Graph, batch norm not
    /// folded. inputShape  C,H,W; empty: the shape Bitlathe stored in the file, an error when there is none
    /// Errors  ModelFormat: no zip, truncated, not TorchScript; UnsupportedOperator listing every operator it
    /// cannot take.
    virtual Graph importTorchScript(const std::string& path, const Shape& inputShape) = 0;
    /// Writes the graph as a TorchScript module with the nodes' names as module paths; loads in PyTorch.
    virtual void saveTorchScript(const Graph& graph, const std::string& path) = 0;

    /// Streams batches through the float model and collects statistics of every site (input, outputs) and of
    /// the weights. Memory: the live activations of one batch plus one SiteStatistics per site. `detail` is the least
    /// that is kept of each channel.
    virtual Statistics calibrate(const PreparedModel& model, const BatchSource& data, ChannelDetail detail,
                                 const RunContext& context) = 0;
    /// Top-1 and loss; an empty plan evaluates the float model.
    virtual EvaluationResult evaluate(const PreparedModel& model, const QuantPlan& plan,
                                      const BatchSource& data, const RunContext& context) = 0;
    /// SQNR of each layer's output, isolated and accumulated, on the first batches of `data`.
    virtual std::vector<LayerError> layerErrors(const PreparedModel& model, const QuantPlan& plan,
                                                const BatchSource& data, const RunContext& context) = 0;
    /// What quantizing each probe's site alone does to the model's answers, all else float. Cost: the float model once
    /// and, for each probe, the layers behind its site. Memory: all activations of one batch, twice.
    /// Errors  InvalidConfig: a probe of a site the model does not have.
    virtual SensitivityTable sensitivity(const PreparedModel& model, std::span<const SensitivityProbe> probes,
                                         const BatchSource& data, const RunContext& context) = 0;
    /// What a batch makes of every layer, fake-quantized by `plan`: the graph input, then each layer's output in order,
    /// N,C,H,W or N,C. Memory: all of them at once.
    virtual std::vector<FloatTensor> layerValues(const PreparedModel& model, const QuantPlan& plan,
                                                 const Batch& batch) = 0;
    /// The model's output for a batch (logits), fake-quantized by `plan`.
    virtual FloatTensor forward(const PreparedModel& model, const QuantPlan& plan, const Batch& batch) = 0;

    /// The work of post-training methods (post_training_engine.h), owned by the engine; null: it has none.
    virtual PostTrainingEngine* postTraining() { return nullptr; }

    /// Trains; with quantization in the loop where the task has it. Same task and one thread: same bytes,
    /// interrupted and resumed or not. A stop asked for by RunContext::requestStop ends it after the step with
    /// the best epoch's weights; a full disk pauses it and says so.
    /// Errors  InvalidConfig: an option, or a quantizer that cannot be trained. NonFiniteInput: the loss is not
    /// finite; the text names the layer whose values went first. Io: checkpoints cannot be read.
    virtual TrainResult train(const TrainTask& task, const RunContext& context,
                              const TrainObserver& observer) = 0;
};

}  // namespace bitlathe::core
