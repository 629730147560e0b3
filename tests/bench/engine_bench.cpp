#include "tests/bench/engine_bench.h"

#include "core/data/batches.h"
#include "core/graph/prepare.h"
#include "core/plan/quant_plan.h"
#include "engine/fake_quantize_op.h"
#include "engine/process_setup.h"
#include "engine/quantized_executor.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"
#include "tests/bench/model_bench.h"
#include "tests/bench/stopwatch.h"
#include "tests/support/random_graph.h"

#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/histc.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <string>

namespace bitlathe::bench {

namespace {

constexpr std::int64_t kBatch = 128;

void benchModel(const std::string& file, int rounds) {
    const std::string path = std::string(BITLATHE_SOURCE_DIR "/resources/models/") + file;
    const core::PreparedModel model = core::prepare(engine::importTorchScript(path, {}));
    const core::Batch batch = randomBatch(model.graph.inputShape(), kBatch);
    const c10::InferenceMode inference;
    const at::Tensor images = engine::wrapImages(batch);
    core::Statistics statistics;
    const engine::GraphExecutor observed = observingExecutor(model, statistics);
    observed.run(images);
    const engine::GraphExecutor plain = engine::makeQuantizedExecutor(model, {});
    const engine::GraphExecutor quantized = engine::makeQuantizedExecutor(
        model, eightBitPlan(model, statistics, core::Granularity::Kind::Tensor));
    const auto medians = mediansInTurn(
        {[&] { plain.run(images); }, [&] { quantized.run(images); }, [&] { observed.run(images); }}, rounds);
    const auto perSecond = [](double ms) { return 1000.0 * static_cast<double>(kBatch) / ms; };
    std::printf("%-28s %9.0f float  %9.0f W8A8 (%.2f of float)  %9.0f calibration   images/s\n", file.c_str(),
                perSecond(medians[0]), perSecond(medians[1]), medians[0] / medians[1], perSecond(medians[2]));
}

void benchFakeQuantize(int rounds) {
    const at::Tensor x = engine::wrap(tests::randomTensor({16, 64, 112, 112}, 2)).clone();
    core::QParams grid;
    grid.scale = {0.03F};
    grid.zeroPoint = {128};
    grid.quantMin = 0;
    grid.quantMax = 255;
    at::Tensor own = x.clone();
    const auto medians = mediansInTurn({[&] { own = engine::fakeQuantize(std::move(own), grid); },
                                        [&] { engine::fakeQuantize(x, grid); },
                                        [&] { at::fake_quantize_per_tensor_affine(x, 0.03, 128, 0, 255); }},
                                       rounds);
    std::printf("%-28s %9.2f ms in place  %9.2f ms to new memory  %9.2f ms at::fake_quantize (%.1fx)\n",
                "fake-quantize 12.8 M values", medians[0], medians[1], medians[2], medians[2] / medians[1]);
}

void benchHistogram(int rounds) {
    const at::Tensor x =
        engine::toChannelsLast(engine::wrap(tests::randomTensor({16, 64, 112, 112}, 3)).relu());
    const auto medians =
        mediansInTurn({[&] { engine::collectStatistics(x, "bench", core::ChannelDetail::Extrema); },
                       [&] { at::histc(x, 2048); }},
                      rounds);
    std::printf("%-28s %9.2f ms all statistics  %9.2f ms at::histc (%.1fx)\n", "histogram 12.8 M values",
                medians[0], medians[1], medians[1] / medians[0]);
}

}  // namespace

void runEngineBench(int threads, int rounds) {
    engine::setComputeThreads(threads);
    std::printf("threads %d, batch %lld, medians of %d\n", threads, static_cast<long long>(kBatch), rounds);
    benchModel("mobilenet_v1_025_fmnist.pt", rounds);
    benchModel("resnet8_fmnist.pt", rounds);
    const c10::InferenceMode inference;
    benchFakeQuantize(rounds);
    benchHistogram(rounds);
}

}  // namespace bitlathe::bench
