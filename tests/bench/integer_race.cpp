#include "core/deploy/integer_engine.h"
#include "core/deploy/lower.h"
#include "core/exporters/exporter.h"
#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "core/registry/registry.h"
#include "engine/process_setup.h"
#include "engine/quantized_executor.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"
#include "tests/bench/stopwatch.h"
#include "tests/reference/onnx_timer.h"
#include "tests/support/random_graph.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <unistd.h>

using namespace bitlathe;

namespace {

core::Batch randomBatch(const core::Shape& inputShape, std::int64_t size) {
    core::Batch batch;
    batch.shape = {size, inputShape[1], inputShape[2], inputShape[3]};
    const core::FloatTensor images = tests::randomTensor(batch.shape, 1);
    batch.images.assign(images.values().begin(), images.values().end());
    batch.labels.assign(static_cast<std::size_t>(size), 0);
    return batch;
}

/// W8A8, weights per channel: what ONNX Runtime fuses to integer kernels.
core::QuantPlan eightBitPlan(const core::PreparedModel& model, const core::Batch& batch) {
    core::Statistics statistics;
    engine::GraphExecutor executor(model.graph, engine::ExecutionMode::Inference);
    const auto observe = [&](core::NodeId node, const core::LayerId& layer) {
        executor.setHook(node, [&statistics, layer](at::Tensor value) {
            statistics.sites[{layer, core::SiteKind::Output}] =
                engine::collectStatistics(value, layer.str(), core::ChannelDetail::Extrema);
            return value;
        });
    };
    observe(0, core::kInputLayer);
    core::QuantConfig config;
    config.input.bits = core::BitWidth(8);
    for (const core::Layer& layer : model.layers) {
        observe(layer.outputNode, layer.id);
        core::LayerQuant& quant = config.layers[layer.id];
        if (layer.isQuantizable) {
            quant.output.bits = core::BitWidth(8);
        }
        if (layer.hasWeights()) {
            quant.weight.bits = core::BitWidth(8);
            quant.weight.quantizer.name = "symmetric";
            quant.weight.granularity.kind = core::Granularity::Kind::Channel;
        }
    }
    executor.run(engine::wrapImages(batch));
    return core::resolvePlan(model, config, statistics);
}

double medianOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Median time of one call among those that fit into `ms`.
double medianMs(int ms, const std::function<void()>& work) {
    std::vector<double> times;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    while (times.size() < 3 || std::chrono::steady_clock::now() < end) {
        times.push_back(bench::timeOnce(work));
    }
    return medianOf(std::move(times));
}

void race(const std::string& name, int batchSize, int threads, int rounds) {
    engine::setComputeThreads(threads);
    const c10::InferenceMode inference;
    const core::PreparedModel model = core::prepare(
        engine::importTorchScript(std::string(BITLATHE_SOURCE_DIR "/resources/models/") + name + ".pt", {}));
    const core::QuantPlan plan = eightBitPlan(model, randomBatch(model.graph.inputShape(), 32));
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("bitlathe-race-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    const std::string file =
        core::exporterRegistry().create({"onnx_qdq", {}})->write(model, plan, folder.string()).front();
    const core::Shape& input = model.graph.inputShape();
    tests::OnnxTimer theirs(file, {input.begin() + 1, input.end()}, batchSize, threads);

    const core::Batch batch = randomBatch(input, batchSize);
    core::IntegerEngine ours(core::lower(model, plan), {.threads = threads});
    const engine::GraphExecutor floating = engine::makeQuantizedExecutor(model, {});
    const at::Tensor images = engine::wrapImages(batch);
    std::vector<double> integerMs, floatMs, onnxMs;
    constexpr int kTurnMs = 60;
    // ONNX Runtime's threads spin for a while after their turn: with 20 ms between the turns the MobileNet's two threads
    // made the images of one (21,500 a second), with 300 ms 34,600.
    const auto settle = [] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); };
    for (int round = 0; round < rounds; ++round) {
        integerMs.push_back(medianMs(kTurnMs, [&] { ours.run(batch.images); }));
        settle();
        onnxMs.push_back(theirs.medianMs(kTurnMs));
        settle();
        floatMs.push_back(medianMs(kTurnMs, [&] { floating.run(images); }));
        settle();
    }
    const auto perSecond = [&](const std::vector<double>& ms) { return 1000.0 * batchSize / medianOf(ms); };
    std::printf(
        "%-24s batch %4d  threads %d  %8.0f integer (%s)  %8.0f ONNX Runtime int8 (%.2fx)  %8.0f float "
        "(%.2fx)   images/s, medians of %d turns\n",
        name.c_str(), batchSize, threads, perSecond(integerMs), ours.kernelName().c_str(), perSecond(onnxMs),
        medianOf(onnxMs) / medianOf(integerMs), perSecond(floatMs), medianOf(floatMs) / medianOf(integerMs),
        rounds);
    std::filesystem::remove_all(folder);
}

}  // namespace

/// bitlathe-integer-race [rounds]: our integer engine, ONNX Runtime's int8 on the same exported model and our
/// own float evaluation, turn by turn.
int main(int argc, char** argv) {
    if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execv("/proc/self/exe", argv);
    }
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 11;
    if (rounds < 1) {
        std::fprintf(stderr, "usage: bitlathe-integer-race [rounds]\n");
        return 2;
    }
    try {
        engine::setUpProcess();
        for (const char* model : {"mobilenet_v1_025_fmnist", "resnet8_fmnist"}) {
            for (const int threads : {1, 2}) {
                race(model, 128, threads, rounds);
            }
            race(model, 1, 1, rounds);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
