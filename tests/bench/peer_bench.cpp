#include "tests/bench/peer_bench.h"

#include "core/data/batches.h"
#include "core/graph/prepare.h"
#include "core/observers/entropy_observer.h"
#include "core/observers/mse_observer.h"
#include "core/quantizers/affine_quantizer.h"
#include "core/quantizers/learned_step.h"
#include "engine/fake_quantize_op.h"
#include "engine/process_setup.h"
#include "engine/quantized_executor.h"
#include "engine/statistics_collector.h"
#include "engine/straight_through.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"
#include "tests/bench/goal_table.h"
#include "tests/bench/model_bench.h"
#include "tests/bench/peers.h"
#include "tests/bench/training_bench.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>

namespace bitlathe::bench {

namespace {

using nlohmann::json;

/// A folder of its own, gone afterwards.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string path = (std::filesystem::temp_directory_path() / "bitlathe-bench-XXXXXX").string();
        if (mkdtemp(path.data()) == nullptr) {
            throw std::runtime_error("no temporary folder in " + path);
        }
        m_path = path;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    std::string file(const std::string& name) const { return (m_path / name).string(); }

private:
    std::filesystem::path m_path;
};

struct Net {
    std::string name;
    std::int64_t batch;
    core::Shape input;  ///< C,H,W
    double evaluationGoal;
    double calibrationGoal;
    double floatGoal;
    double trainingGoal;
};

const std::vector<Net> kNets{{"mobilenet_v2_224", 16, {3, 224, 224}, 5, 5, 1, 2},
                             {"resnet18_224", 16, {3, 224, 224}, 2, 2, 1, 1.3},
                             {"mobilenet_v1_025", 128, {1, 32, 32}, 0, 0, 0, 1.5}};

class PeerBench {
public:
    explicit PeerBench(const PeerOptions& options)
        : m_options(options),
          m_torch("torch.ao", {options.python, BITLATHE_SOURCE_DIR "/tests/bench/torch_peer.py"},
                  {{"do", "setup"}, {"threads", options.threads}, {"keep_memory", options.peerKeepsMemory}}),
          m_onnx("ORT", {"node", BITLATHE_SOURCE_DIR "/tests/bench/ort_peer.mjs", judgesFolder()},
                 {{"do", "setup"}, {"threads", options.threads}}) {}

    void run() {
        engine::setComputeThreads(m_options.threads);
        std::printf("\nthreads %d, medians of %d in turn; torch %s (%s), ONNX Runtime %s\n",
                    m_options.threads, m_options.rounds, m_torch.version().c_str(),
                    m_options.peerKeepsMemory ? "its allocator keeping memory as ours" : "its own allocator",
                    m_onnx.version().c_str());
        if (!m_torch.isThere()) {
            std::printf("'%s' has no torch: install python3-torch, or name another with --python\n",
                        m_options.python.c_str());
            return;
        }
        printTableHead();
        runKernels();
        if (m_options.isKernelsOnly) {
            return;
        }
        for (const Net& net : kNets) {
            runNet(net);
        }
    }

private:
    static std::string judgesFolder() {
        const char* const set = std::getenv("BITLATHE_JUDGES");
        return set != nullptr ? set : BITLATHE_SOURCE_DIR "/build/judges";
    }

    void race(Race race, int rounds) {
        if (race.name.find(m_options.only) != std::string::npos) {
            runRace(race, rounds);
        }
    }

    void againstTorch(const std::string& name, const std::string& peerCase, double goal,
                      std::function<void()> ours, int rounds = 0) {
        race({name, m_torch.name(), goal, std::move(ours),
              [this, peerCase] {
                  return m_torch.time({{"do", "time"}, {"case", peerCase}});
              }},
             rounds > 0 ? rounds : m_options.rounds);
    }

    void runKernels();
    void runNet(const Net& net);
    void raceEvaluation(const Net& net, const core::Graph& graph, const std::string& onnx);
    void raceTraining(const Net& net, const core::Graph& graph);

    PeerOptions m_options;
    Peer m_torch;
    Peer m_onnx;
};

core::QParams eightBits(std::size_t channels) {
    core::QParams grid;
    grid.scale.assign(channels, 0.03F);
    grid.zeroPoint.assign(channels, 128);
    grid.quantMin = 0;
    grid.quantMax = 255;
    if (channels > 1) {
        grid.axis = 1;
    }
    return grid;
}

/// LSQ on all intra-op threads, as a training step runs it.
void learnedStepBothWays(const at::Tensor& x, const at::Tensor& gradient, at::Tensor& out,
                         at::Tensor& gradientX) {
    const core::LearnedStep grid{0.03F, 0.0F, -128, 127};
    const auto part = [](const at::Tensor& tensor, std::int64_t begin, std::int64_t end) {
        return std::span(tensor.data_ptr<float>() + begin, static_cast<std::size_t>(end - begin));
    };
    at::parallel_for(0, x.numel(), 32768, [&](std::int64_t begin, std::int64_t end) {
        core::learnedStep(part(x, begin, end), part(out, begin, end), grid);
    });
    at::parallel_for(0, x.numel(), 32768, [&](std::int64_t begin, std::int64_t end) {
        core::learnedStepBackward(part(x, begin, end), part(gradient, begin, end),
                                  part(gradientX, begin, end), grid);
    });
}

void PeerBench::runKernels() {
    const at::Tensor x = at::randn({16, 64, 112, 112});
    const at::Tensor rectified = x.clamp_min(0);
    {
        const c10::InferenceMode inference;
        againstTorch("fake-quantize to new memory, forward", "fake_quantize", 10,
                     [&] { engine::fakeQuantize(x, eightBits(1)); });
        // As evaluation runs it: the value is handed over and its memory taken. The peer has no such form.
        at::Tensor own = x.clone();
        againstTorch("fake-quantize in place, forward", "fake_quantize", 10,
                     [&] { own = engine::fakeQuantize(std::move(own), eightBits(1)); });
        againstTorch("fake-quantize in place per channel, forward", "fake_quantize_channels", 10,
                     [&] { own = engine::fakeQuantize(std::move(own), eightBits(64)); });
    }
    const at::Tensor gradient = at::randn({16, 64, 112, 112});
    at::Tensor leaf = x.clone().requires_grad_(true);
    againstTorch("fake-quantize, forward and backward", "fake_quantize_gradient", 10, [&] {
        leaf.mutable_grad().reset();
        engine::fakeQuantizeStraightThrough(leaf, eightBits(1)).backward(gradient);
    });
    at::Tensor out = at::empty_like(x);
    at::Tensor gradientX = at::empty_like(x);
    againstTorch("learned step (LSQ), forward and backward", "learned_step_gradient", 10,
                 [&] { learnedStepBothWays(x, gradient, out, gradientX); });
    const c10::InferenceMode inference;
    againstTorch("histogram observer", "histogram_observer", 10,
                 [&] { engine::collectStatistics(rectified, "bench", core::ChannelDetail::Extrema); });
    const core::AffineQuantizer quantizer;
    againstTorch("range by squared error, tensor to range", "squared_error_search", 10, [&] {
        core::MseObserver().range(engine::collectStatistics(rectified, "bench", core::ChannelDetail::Extrema),
                                  quantizer, core::BitWidth(8));
    });
    againstTorch(
        "range by relative entropy, tensor to range", "divergence_search", 10,
        [&] {
            core::EntropyObserver().range(
                engine::collectStatistics(rectified, "bench", core::ChannelDetail::Extrema), quantizer,
                core::BitWidth(8));
        },
        3);
    m_torch.ask({{"do", "drop"}});
}

void PeerBench::runNet(const Net& net) {
    const TemporaryFolder folder;
    const std::string script = folder.file(net.name + ".pt");
    const std::string onnx = folder.file(net.name + ".onnx");
    const json exported =
        m_torch.ask({{"do", "export"}, {"net", net.name}, {"torch_script", script}, {"onnx", onnx}});
    if (exported.contains("error")) {
        std::printf("%s: %s\n", net.name.c_str(), exported["error"].get<std::string>().c_str());
        return;
    }
    const core::Graph graph = engine::importTorchScript(script, net.input);
    raceEvaluation(net, graph, onnx);
    raceTraining(net, graph);
}

void PeerBench::raceEvaluation(const Net& net, const core::Graph& graph, const std::string& onnx) {
    const core::PreparedModel model = core::prepare(graph);
    const core::Batch batch = randomBatch(model.graph.inputShape(), net.batch);
    const c10::InferenceMode inference;
    const at::Tensor images = engine::wrapImages(batch);
    core::Statistics statistics;
    const engine::GraphExecutor observed = observingExecutor(model, statistics);
    observed.run(images);
    const engine::GraphExecutor plain = engine::makeQuantizedExecutor(model, {});
    const engine::GraphExecutor quantized = engine::makeQuantizedExecutor(
        model, eightBitPlan(model, statistics, core::Granularity::Kind::Tensor));
    const std::string of = net.name + ", ";
    againstTorch(of + "fake-quantized evaluation", "fake_quantized/" + net.name, net.evaluationGoal,
                 [&] { quantized.run(images); });
    race({of + "fake-quantized evaluation", "own float", 0.8, [&] { quantized.run(images); },
          [&]() -> std::optional<Timing> { return timeBoth([&] { plain.run(images); }); }},
         m_options.rounds);
    againstTorch(of + "histogram calibration", "calibration/" + net.name, net.calibrationGoal,
                 [&] { observed.run(images); });
    againstTorch(of + "float evaluation", "float_nhwc/" + net.name, 0, [&] { plain.run(images); });
    if (m_onnx.isThere()) {
        const json request{{"do", "time"},
                           {"case", net.name},
                           {"file", onnx},
                           {"shape", {net.batch, net.input[0], net.input[1], net.input[2]}}};
        race({of + "float evaluation", "ORT", net.floatGoal, [&] { plain.run(images); },
              [&] { return m_onnx.time(request); }},
             m_options.rounds);
    }
    m_torch.ask({{"do", "drop"}});
    m_onnx.ask({{"do", "drop"}});
}

void PeerBench::raceTraining(const Net& net, const core::Graph& graph) {
    const std::string name = net.name + ", training step";
    if (name.find(m_options.only) == std::string::npos) {
        return;
    }
    const auto stepOf = [&](const char* phase) {
        return [this, peerCase = std::string(phase) + "/" + net.name] {
            return m_torch.time({{"do", "time"}, {"case", peerCase}});
        };
    };
    const StepTimes plain = timeTrainingSteps(graph, net.batch, m_options.rounds, {}, stepOf("float_step"));
    printRow(name + ", float", m_torch.name(), 0, plain.own, plain.other);
    m_torch.ask({{"do", "drop"}});

    const core::PreparedModel model = core::prepare(graph);
    core::Statistics statistics;
    {
        const c10::InferenceMode inference;
        const core::Batch batch = randomBatch(model.graph.inputShape(), net.batch);
        observingExecutor(model, statistics).run(engine::wrapImages(batch));
    }
    core::QuantConfig config = eightBitConfig(model, core::Granularity::Kind::Tensor);
    config.input.observer.name = "moving_average";
    for (auto& [layer, quant] : config.layers) {
        quant.output.observer.name = "moving_average";
    }
    core::QuantizedTraining quantization;
    quantization.config = &config;
    quantization.statistics = &statistics;
    const StepTimes quantized =
        timeTrainingSteps(graph, net.batch, m_options.rounds, quantization, stepOf("qat_step"));
    printRow(name + ", QAT", m_torch.name(), net.trainingGoal, quantized.own, quantized.other);
    // Not in turn: two trainings of ours would share one machine's memory and caches.
    const auto medianCpuMs = [](const std::vector<Timing>& times) {
        std::vector<double> all;
        for (const Timing& time : times) {
            all.push_back(time.cpuMs);
        }
        return medianOf(all);
    };
    if (!quantized.own.empty() && !plain.own.empty()) {
        const double own = medianCpuMs(quantized.own) / medianCpuMs(plain.own);
        std::printf("%-44s %10s %10s  %-10s %7s %7.2f %7.2f  %s\n", (name + ", QAT over float").c_str(), "",
                    "", "own float", "", own, 1.35, own <= 1.35 ? "reached" : "short");
    }
    if (quantized.peakBytes > 0 && plain.peakBytes > 0) {
        constexpr double kMebibyte = 1 << 20;
        const double share = static_cast<double>(quantized.peakBytes) / static_cast<double>(plain.peakBytes);
        std::printf("%-44s %10.0f %10.0f  %-10s %7.2f %7s %7.2f  %s\n", (name + ", tensors, MiB").c_str(),
                    static_cast<double>(quantized.peakBytes) / kMebibyte,
                    static_cast<double>(plain.peakBytes) / kMebibyte, "own float", share, "", 1.5,
                    share <= 1.5 ? "reached" : "short");
        std::fflush(stdout);
    }
    m_torch.ask({{"do", "drop"}});
}

}  // namespace

void runPeerBench(const PeerOptions& options) {
    PeerBench(options).run();
}

}  // namespace bitlathe::bench
