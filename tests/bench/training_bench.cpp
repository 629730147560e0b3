#include "tests/bench/training_bench.h"

#include "core/data/batches.h"
#include "core/engine/engine.h"
#include "engine/training/trainer.h"
#include "tests/bench/tensor_memory.h"

#include <ctime>
#include <memory>

namespace bitlathe::bench {

namespace {

/// Grey images of two classes that are copied, not computed.
class GreyDataset final : public core::Dataset {
public:
    GreyDataset(std::int64_t size, core::Shape sample) : m_size(size), m_sample(std::move(sample)) {}

    std::string name() const override { return "grey"; }
    std::int64_t size() const override { return m_size; }
    core::Shape sampleShape() const override { return m_sample; }
    std::vector<std::string> classNames() const override { return {"dark", "bright"}; }
    int label(std::int64_t index) const override { return static_cast<int>(index % 2); }
    void pixels(std::int64_t index, std::span<std::uint8_t> out) const override {
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = static_cast<std::uint8_t>(i * 37 + static_cast<std::size_t>(index) * 101);
        }
    }
    const std::string& hash() const override { return m_hash; }

private:
    std::int64_t m_size;
    core::Shape m_sample;
    std::string m_hash = "grey";
};

core::BatchSource greyBatches(const core::Graph& graph, std::int64_t batchSize, std::int64_t batches) {
    const core::Shape& input = graph.inputShape();
    core::DataSpec spec;
    spec.dataset = "grey";
    spec.mean = {128};
    spec.scale = {64};
    core::BatchSource::Options options;
    options.batchSize = batchSize;
    return {std::make_shared<GreyDataset>(batchSize * batches, core::Shape{input[1], input[2], input[3]}),
            spec, options};
}

}  // namespace

StepTimes timeTrainingSteps(const core::Graph& graph, std::int64_t batchSize, int steps,
                            const std::optional<core::QuantizedTraining>& quantization,
                            const std::function<std::optional<Timing>()>& theirs) {
    const core::BatchSource data = greyBatches(graph, batchSize, steps + 1);
    const core::BatchSource test = greyBatches(graph, batchSize, 1);
    core::TrainTask task;
    task.graph = &graph;
    task.trainData = &data;
    task.testData = &test;
    task.options.epochs = 1;
    task.options.batchSize = batchSize;
    task.options.learningRate = 0.01;
    task.quantization = quantization;
    StepTimes times;
    resetPeakTensorBytes();
    const std::int64_t before = liveTensorBytes();
    core::TrainObserver observer;
    std::clock_t used = std::clock();
    observer.onStep = [&](const core::StepReport& report) {
        const double cpuMs = 1000.0 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
        const std::optional<Timing> other = theirs();
        if (report.step > 1 && other) {
            times.own.push_back({1000.0 * static_cast<double>(batchSize) / report.imagesPerSecond, cpuMs});
            times.other.push_back(*other);
        }
        // The test behind the epoch is no step.
        times.peakBytes = peakTensorBytes() - before;
        used = std::clock();
    };
    engine::train(task, core::RunContext(), observer);
    return times;
}

}  // namespace bitlathe::bench
