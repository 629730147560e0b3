#pragma once

#include "core/data/batches.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "core/run/run_context.h"
#include "core/search/sensitivity.h"
#include "core/types/seed.h"
#include "core/types/site_statistics.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Accuracy of a classifier on labelled data.
struct EvaluationResult {
    std::int64_t samples = 0;
    std::int64_t correct = 0;
    double meanLoss = 0; ///< cross entropy, nats
    double elapsedMs = 0;
    double top1Percent() const noexcept {
        return samples == 0 ? 0.0 : 100.0 * static_cast<double>(correct) / static_cast<double>(samples);
    }
};

/// Error one layer's output carries, against the float model.
struct LayerError {
    LayerId layer;
    double isolatedSqnrDb = 0;    ///< only this layer quantized
    double accumulatedSqnrDb = 0; ///< everything up to here quantized
};

struct TrainOptions {
    std::int64_t epochs = 6;
    std::int64_t batchSize = 128;
    double maxLearningRate = 0.2; ///< peak of the one-cycle schedule (Smith 2018)
    double momentum = 0.9;        ///< Nesterov
    double weightDecay = 1e-4;
    double labelSmoothing = 0.0;
    Augmentation augmentation;
    Seed seed;
};

struct EpochReport {
    std::int64_t epoch = 0; ///< 1-based
    double trainLoss = 0;
    EvaluationResult test;
    double elapsedMs = 0;
};

struct EngineInfo {
    std::string torchVersion;
    std::string blas;
    std::string cpuCapability;
    int threads = 1;
};

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
    /// the weights. Memory: the live activations of one batch plus one SiteStatistics per site.
    virtual Statistics calibrate(const PreparedModel& model, const BatchSource& data,
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
    /// The model's output for a batch (logits), fake-quantized by `plan`.
    virtual FloatTensor forward(const PreparedModel& model, const QuantPlan& plan, const Batch& batch) = 0;

    /// Float training with batch statistics in batch norm; returns the graph with trained weights.
    /// onEpoch is called after each epoch with the test result.
    virtual Graph train(const Graph& graph, const BatchSource& trainData, const BatchSource& testData,
                        const TrainOptions& options, const RunContext& context,
                        const std::function<void(const EpochReport&)>& onEpoch) = 0;
};

} // namespace bitlathe::core
