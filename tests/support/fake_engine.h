#pragma once

#include "core/engine/engine.h"
#include "core/graph/prepare.h"
#include "core/types/error.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bitlathe::tests {

/// An Engine without tensors: walks through its batches as the real one does and answers with made-up numbers
/// that follow from what it is given, so that a result can be traced to its configuration. A test watches or
/// disturbs it through the hooks.
class FakeEngine final : public core::Engine {
public:
    /// Called before each batch or epoch with the method's name and the index; may block, throw or count.
    std::function<void(const std::string& method, std::int64_t index)> onStep;
    /// What importTorchScript gives, whatever the path.
    core::Graph graph;
    /// Top-1 of the float model in percent.
    double floatTop1 = 91.0;
    /// Threads that called, by method calls in order.
    std::vector<std::thread::id> callers;
    int threads = 1;
    int calibrations = 0;
    int evaluations = 0;
    std::string resumeFolder;   ///< of the newest training
    int sensitivityProbes = 0;  ///< asked in all

    core::EngineInfo info() const override { return {"fake 1.0", "none", "scalar", threads}; }
    void setThreads(int count) override { threads = count; }

    core::Graph importTorchScript(const std::string& path, const core::Shape&) override {
        note("import", 0);
        if (graph.nodes.empty()) {
            throw core::Error(core::ErrorCode::ModelFormat, "'" + path + "' is no TorchScript file");
        }
        return graph;
    }
    /// A few bytes, so that the file can be hashed.
    void saveTorchScript(const core::Graph& saved, const std::string& path) override {
        note("save", 0);
        std::ofstream(path) << saved.name;
    }

    /// Every site gets the same few values: -1, 0, 0.5, 1 per batch.
    core::Statistics calibrate(const core::PreparedModel& model, const core::BatchSource& data,
                               core::ChannelDetail, const core::RunContext& context) override {
        ++calibrations;
        static constexpr float kValues[] = {-1.0F, 0.0F, 0.5F, 1.0F};
        core::SiteStatistics site;
        walk("calibrate", data, context, [&] {
            core::SiteStatistics batch;
            batch.count = 4;
            batch.samples = 1;
            batch.minimum = -1;
            batch.maximum = 1;
            batch.sum = 0.5;
            batch.sumOfSquares = 2.25;
            batch.sumOfMagnitudes = 2.5;
            batch.histogram.add(kValues);
            site.merge(batch);
        });
        core::Statistics statistics;
        statistics.modelHash = model.hash;
        statistics.dataHash = data.hash();
        statistics.sites[{core::kInputLayer, core::SiteKind::Output}] = site;
        for (const core::Layer& layer : model.layers) {
            statistics.sites[{layer.id, core::SiteKind::Output}] = site;
            if (layer.hasWeights()) {
                statistics.sites[{layer.id, core::SiteKind::Weight}] = site;
            }
        }
        return statistics;
    }

    /// Loses one percentage point of accuracy per quantized site and missing bit below 8.
    core::EvaluationResult evaluate(const core::PreparedModel&, const core::QuantPlan& plan,
                                    const core::BatchSource& data, const core::RunContext& context) override {
        ++evaluations;
        walk("evaluate", data, context, [] {});
        double top1 = floatTop1;
        for (const auto& [site, qparams] : plan.sites) {
            const double bits = std::log2(static_cast<double>(qparams.quantMax) - qparams.quantMin + 1);
            top1 -= std::max(0.0, 8.0 - std::round(bits));
        }
        core::EvaluationResult result;
        result.samples = data.sampleCount();
        result.correct = std::llround(std::max(0.0, top1) / 100.0 * static_cast<double>(result.samples));
        result.meanLoss = (100.0 - top1) / 100.0;
        result.elapsedMs = 1;
        return result;
    }

    std::vector<core::LayerError> layerErrors(const core::PreparedModel& model, const core::QuantPlan&,
                                              const core::BatchSource& data,
                                              const core::RunContext& context) override {
        walk("layer_errors", data, context, [] {});
        std::vector<core::LayerError> errors;
        for (const core::Layer& layer : model.layers) {
            errors.push_back({layer.id, 40.0 - layer.index, 30.0 - layer.index});
        }
        return errors;
    }

    /// Each missing bit below 8 costs a hundredth of a nat; weights twice as much.
    core::SensitivityTable sensitivity(const core::PreparedModel&,
                                       std::span<const core::SensitivityProbe> probes,
                                       const core::BatchSource& data,
                                       const core::RunContext& context) override {
        walk("sensitivity", data, context, [] {});
        core::SensitivityTable table;
        table.samples = data.sampleCount();
        table.floatLoss = 1.0;
        for (const core::SensitivityProbe& probe : probes) {
            const double missing = std::max(0, 8 - probe.bits);
            const double cost = missing * (probe.site.kind == core::SiteKind::Weight ? 0.02 : 0.01);
            table.add({probe.site, probe.bits, 1.0 + cost, cost, 50.0 - 5.0 * missing, 0});
        }
        sensitivityProbes += static_cast<int>(probes.size());
        return table;
    }

    /// Zeros.
    std::vector<core::FloatTensor> layerValues(const core::PreparedModel& model, const core::QuantPlan&,
                                               const core::Batch& batch) override {
        note("layer values", 0);
        const auto zeros = [&](core::Shape shape) {
            shape[0] = static_cast<std::int64_t>(batch.labels.size());
            const auto size = static_cast<std::size_t>(core::elementCount(shape));
            return core::FloatTensor(shape, std::vector<float>(size, 0.0F));
        };
        std::vector<core::FloatTensor> values{zeros(model.graph.inputShape())};
        for (const core::Layer& layer : model.layers) {
            values.push_back(zeros(layer.outputShape));
        }
        return values;
    }

    core::FloatTensor forward(const core::PreparedModel&, const core::QuantPlan&,
                              const core::Batch& batch) override {
        note("forward", 0);
        const auto samples = static_cast<std::int64_t>(batch.labels.size());
        return {{samples, 1}, std::vector<float>(batch.labels.size(), 0.0F)};
    }

    core::TrainResult train(const core::TrainTask& task, const core::RunContext& context,
                            const core::TrainObserver& observer) override {
        const std::int64_t epochs = task.options.epochs;
        core::TrainResult result;
        resumeFolder = task.resumeFolder;
        if (!task.resumeFolder.empty() && observer.onResume) {
            observer.onResume(0, epochs);
        }
        for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
            note("train", epoch);
            context.checkpoint(epoch - 1, epochs, "epoch " + std::to_string(epoch));
            core::EpochReport report;
            report.epoch = epoch;
            report.trainLoss = 1.0 / static_cast<double>(epoch);
            const core::EvaluationResult measured =
                measure(task.validationData == nullptr ? *task.testData : *task.validationData, epoch);
            (task.validationData == nullptr ? report.test : report.validation.emplace()) = measured;
            if (observer.onEpoch) {
                observer.onEpoch(report);
            }
            result.validation = report.validation;
            result.test = measure(*task.testData, epoch);
            result.epoch = epoch;
        }
        context.checkpoint(epochs, epochs);
        result.graph = *task.graph;
        if (task.quantization) {
            result.plan =
                core::resolvePlan(core::preparedFor(core::prepare(*task.graph), *task.quantization->config),
                                  *task.quantization->config, *task.quantization->statistics);
        }
        return result;
    }

private:
    /// Right for `epoch` of epoch + 1 images.
    static core::EvaluationResult measure(const core::BatchSource& data, std::int64_t epoch) {
        core::EvaluationResult measured;
        measured.samples = data.sampleCount();
        measured.correct = measured.samples * epoch / (epoch + 1);
        return measured;
    }
    void note(const std::string& method, std::int64_t index) {
        callers.push_back(std::this_thread::get_id());
        if (onStep) {
            onStep(method, index);
        }
    }

    template <typename Step>
    void walk(const std::string& method, const core::BatchSource& data, const core::RunContext& context,
              Step step) {
        const std::int64_t batches = data.batchCount();
        for (std::int64_t i = 0; i < batches; ++i) {
            note(method, i);
            context.checkpoint(i, batches,
                               "batch " + std::to_string(i + 1) + " of " + std::to_string(batches));
            step();
        }
        context.checkpoint(batches, batches);
    }
};

}  // namespace bitlathe::tests
