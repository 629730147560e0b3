#include "core/deploy/integer_engine.h"

#include "core/deploy/integer_steps.h"
#include "core/device/arena_plan.h"
#include "core/quantizers/fake_quantize.h"
#include "core/types/error.h"
#include "core/util/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>

namespace bitlathe::core {

namespace {

std::int64_t storedBytes(const IntegerTensor& tensor) {
    return tensor.elements() * (tensor.bits == 32 ? 4 : 1);
}

/// One thread's memory.
struct Workspace {
    AlignedVector<std::uint8_t> arena;
    AlignedVector<std::uint8_t> padded;
    AlignedVector<std::int32_t> accumulators;
    std::vector<std::int32_t> planarCodes;  ///< of one input image
};

/// Bytes of codes counted from the lowest code, or int32 codes as they are.
void store(std::span<const std::int32_t> codes, const IntegerTensor& tensor, std::uint8_t* target) {
    const auto lowest = static_cast<std::int32_t>(tensor.lowestCode());
    for (std::size_t i = 0; i < codes.size(); ++i) {
        target[i] = static_cast<std::uint8_t>(codes[i] - lowest);
    }
}

void load(const std::uint8_t* source, const IntegerTensor& tensor, std::int32_t* codes) {
    const auto count = static_cast<std::size_t>(tensor.elements());
    if (tensor.bits == 32) {
        std::copy_n(reinterpret_cast<const std::int32_t*>(source), count, codes);
        return;
    }
    const auto lowest = static_cast<std::int32_t>(tensor.lowestCode());
    for (std::size_t i = 0; i < count; ++i) {
        codes[i] = source[i] + lowest;
    }
}

const IntegerKernels* kernelsFor(IntegerEngineOptions::Kernels wanted) {
    const IntegerKernels* kernels = &portableKernels();
    switch (wanted) {
    case IntegerEngineOptions::Kernels::Portable:
        break;
    case IntegerEngineOptions::Kernels::Avx2:
        kernels = avx2Kernels();
        break;
    case IntegerEngineOptions::Kernels::Best:
        for (const IntegerKernels* const faster : {avx2Kernels(), vnniKernels()}) {
            kernels = faster != nullptr ? faster : kernels;
        }
        break;
    }
    if (kernels == nullptr) {
        throw Error(ErrorCode::InvalidConfig,
                    "this processor has no AVX2; let the integer engine choose its kernels");
    }
    return kernels;
}

}  // namespace

class IntegerEngine::Program {
public:
    Program(const IntegerGraph& graph, const IntegerEngineOptions& options)
        : m_graph(graph), m_kernels(kernelsFor(options.kernels)), m_pool(options.threads - 1) {
        if (options.threads < 1) {
            throw Error(ErrorCode::InvalidConfig, "an integer engine of " + std::to_string(options.threads) +
                                                      " threads; use at least 1");
        }
        for (const IntegerLayer& layer : m_graph.layers) {
            m_steps.push_back(makeStep(m_graph, layer));
            m_paddedBytes = std::max(m_paddedBytes, m_steps.back()->paddedBytes());
            m_accumulators = std::max(m_accumulators, m_steps.back()->accumulatorCount());
        }
        planMemory();
        for (int t = 0; t < options.threads; ++t) {
            m_workspaces.push_back(makeWorkspace());
        }
    }

    const IntegerGraph& graph() const { return m_graph; }
    const IntegerKernels& kernels() const { return *m_kernels; }
    std::int64_t arenaBytes() const { return m_arenaBytes; }

    /// body(image, workspace) for every image, shared out among the threads in runs of neighbours.
    void forEachImage(std::int64_t images, const std::function<void(std::int64_t, Workspace&)>& body) {
        constexpr std::int64_t kRun = 4;
        std::atomic<std::int64_t> next{0};
        const std::function<void(int)> work = [&](int worker) {
            Workspace& workspace = m_workspaces[static_cast<std::size_t>(worker)];
            for (std::int64_t first = next.fetch_add(kRun); first < images; first = next.fetch_add(kRun)) {
                for (std::int64_t i = first; i < std::min(first + kRun, images); ++i) {
                    body(i, workspace);
                }
            }
        };
        const std::int64_t useful =
            std::min<std::int64_t>(std::ssize(m_workspaces), (images + kRun - 1) / kRun);
        m_pool.run(static_cast<int>(useful) - 1, work);
    }

    std::uint8_t* tensor(int index, Workspace& workspace) const {
        return workspace.arena.data() + m_offsets[static_cast<std::size_t>(index)];
    }

    void runSteps(Workspace& workspace) const {
        for (std::size_t i = 0; i < m_steps.size(); ++i) {
            runStep(i, workspace);
        }
    }

    void runStep(std::size_t index, Workspace& workspace) const {
        const IntegerLayer& layer = m_graph.layers[index];
        std::vector<const std::uint8_t*> inputs;
        if (layer.inputs.size() > 2) {
            inputs.reserve(layer.inputs.size());
        }
        StepBuffers buffers;
        for (std::size_t i = 0; i < std::min<std::size_t>(layer.inputs.size(), 2); ++i) {
            buffers.inputs[i] = tensor(layer.inputs[i], workspace);
        }
        buffers.moreInputs = {buffers.inputs.data(), std::min<std::size_t>(layer.inputs.size(), 2)};
        if (layer.inputs.size() > 2) {
            for (const int input : layer.inputs) {
                inputs.push_back(tensor(input, workspace));
            }
            buffers.moreInputs = inputs;
        }
        buffers.output = tensor(layer.output, workspace);
        buffers.padded = workspace.padded.data();
        buffers.accumulators = workspace.accumulators.data();
        m_steps[index]->run(buffers, *m_kernels);
    }

    /// One layer with memory of its own, so that the arena's sharing plays no part.
    void runLayer(std::size_t index, std::span<const std::uint8_t* const> inputs, void* output,
                  Workspace& workspace) const {
        StepBuffers buffers;
        std::copy_n(inputs.begin(), std::min<std::size_t>(inputs.size(), 2), buffers.inputs.begin());
        buffers.moreInputs = inputs;
        buffers.output = output;
        buffers.padded = workspace.padded.data();
        buffers.accumulators = workspace.accumulators.data();
        m_steps[index]->run(buffers, *m_kernels);
    }

    /// Real values C,H,W to stored input codes H,W,C.
    void quantizeInput(std::span<const float> image, Workspace& workspace) const {
        const IntegerTensor& input = m_graph.inputTensor();
        workspace.planarCodes.resize(image.size());
        quantize(image, workspace.planarCodes, m_graph.inputGrid);
        std::uint8_t* const target = tensor(m_graph.input, workspace);
        if (input.channels == 1) {
            return store(workspace.planarCodes, input, target);
        }
        const auto lowest = static_cast<std::int32_t>(input.lowestCode());
        const int area = input.rows * input.columns;
        const std::int32_t* code = workspace.planarCodes.data();
        for (int channel = 0; channel < input.channels; ++channel) {
            for (int pixel = 0; pixel < area; ++pixel) {
                target[pixel * input.channels + channel] = static_cast<std::uint8_t>(*code++ - lowest);
            }
        }
    }

    std::int64_t imagesIn(std::size_t values) const {
        const auto each = static_cast<std::size_t>(m_graph.inputTensor().elements());
        if (values % each != 0) {
            throw Error(ErrorCode::ShapeMismatch,
                        "the integer model '" + m_graph.name + "' takes images of " + std::to_string(each) +
                            " values; " + std::to_string(values) + " are no whole number of images");
        }
        return static_cast<std::int64_t>(values / each);
    }

private:
    Workspace makeWorkspace() const {
        Workspace workspace;
        workspace.arena.assign(static_cast<std::size_t>(m_arenaBytes) + kSlackBytes, 0);
        workspace.padded.assign(m_paddedBytes + kSlackBytes, 0);
        workspace.accumulators.assign(m_accumulators + kLanes, 0);
        return workspace;
    }

    void planMemory() {
        std::vector<ArenaBuffer> buffers;
        for (const IntegerTensor& tensor : m_graph.tensors) {
            buffers.push_back({tensor.name, storedBytes(tensor), 0, 0});
        }
        const int last = static_cast<int>(m_graph.layers.size());
        for (int i = 0; i < last; ++i) {
            const IntegerLayer& layer = m_graph.layers[static_cast<std::size_t>(i)];
            ArenaBuffer& output = buffers[static_cast<std::size_t>(layer.output)];
            output.first = i;
            output.last = std::max(output.last, i);
            for (const int input : layer.inputs) {
                buffers[static_cast<std::size_t>(input)].last = i;
            }
        }
        buffers[static_cast<std::size_t>(m_graph.output)].last = last;
        ArenaOptions options;
        options.alignment = 64;  // a cache line: kernels load 64 bytes
        const ArenaPlan plan = planArena(buffers, {}, options);
        m_offsets = plan.offsets;
        m_arenaBytes = plan.bytes;
    }

    IntegerGraph m_graph;
    const IntegerKernels* m_kernels;
    std::vector<std::unique_ptr<IntegerStep>> m_steps;
    std::size_t m_paddedBytes = 0;
    std::size_t m_accumulators = 0;
    std::vector<std::int64_t> m_offsets;
    std::int64_t m_arenaBytes = 0;
    std::vector<Workspace> m_workspaces;
    WorkerPool m_pool;
};

IntegerEngine::IntegerEngine(const IntegerGraph& graph, const IntegerEngineOptions& options)
    : m_program(std::make_unique<Program>(graph, options)) {}
IntegerEngine::~IntegerEngine() = default;
IntegerEngine::IntegerEngine(IntegerEngine&&) noexcept = default;
IntegerEngine& IntegerEngine::operator=(IntegerEngine&&) noexcept = default;

const IntegerGraph& IntegerEngine::graph() const noexcept {
    return m_program->graph();
}
std::string IntegerEngine::kernelName() const {
    return m_program->kernels().name;
}
std::int64_t IntegerEngine::arenaBytes() const noexcept {
    return m_program->arenaBytes();
}

std::vector<float> IntegerEngine::run(std::span<const float> images) {
    const std::int64_t count = m_program->imagesIn(images.size());
    const IntegerTensor& output = graph().outputTensor();
    const auto inputSize = static_cast<std::size_t>(graph().inputTensor().elements());
    const auto outputSize = static_cast<std::size_t>(output.elements());
    std::vector<float> results(static_cast<std::size_t>(count) * outputSize);
    m_program->forEachImage(count, [&](std::int64_t image, Workspace& workspace) {
        const auto i = static_cast<std::size_t>(image);
        m_program->quantizeInput(images.subspan(i * inputSize, inputSize), workspace);
        m_program->runSteps(workspace);
        const std::uint8_t* const codes = m_program->tensor(graph().output, workspace);
        const auto lowest = static_cast<std::int32_t>(output.bits == 32 ? 0 : output.lowestCode());
        for (std::size_t k = 0; k < outputSize; ++k) {
            const std::int32_t code = output.bits == 32 ? reinterpret_cast<const std::int32_t*>(codes)[k]
                                                        : codes[k] + lowest - output.zeroPoint;
            results[i * outputSize + k] = static_cast<float>(code * output.scale);
        }
    });
    return results;
}

std::vector<std::int32_t> IntegerEngine::runCodes(std::span<const std::int32_t> codes) {
    const std::int64_t count = m_program->imagesIn(codes.size());
    const IntegerTensor& input = graph().inputTensor();
    const IntegerTensor& output = graph().outputTensor();
    const auto inputSize = static_cast<std::size_t>(input.elements());
    const auto outputSize = static_cast<std::size_t>(output.elements());
    std::vector<std::int32_t> results(static_cast<std::size_t>(count) * outputSize);
    m_program->forEachImage(count, [&](std::int64_t image, Workspace& workspace) {
        const auto i = static_cast<std::size_t>(image);
        store(codes.subspan(i * inputSize, inputSize), input, m_program->tensor(graph().input, workspace));
        m_program->runSteps(workspace);
        load(m_program->tensor(graph().output, workspace), output, &results[i * outputSize]);
    });
    return results;
}

std::vector<std::int32_t> IntegerEngine::runLayer(std::size_t layer,
                                                  std::span<const std::vector<std::int32_t>> inputs) {
    const IntegerLayer& which = graph().layers[layer];
    const IntegerTensor& output = graph().tensor(which.output);
    const auto outputSize = static_cast<std::size_t>(output.elements());
    const auto count =
        static_cast<std::int64_t>(inputs[0].size()) / graph().tensor(which.inputs[0]).elements();
    std::vector<std::int32_t> results(static_cast<std::size_t>(count) * outputSize);
    m_program->forEachImage(count, [&](std::int64_t image, Workspace& workspace) {
        std::vector<std::vector<std::uint8_t>> bytes;
        std::vector<const std::uint8_t*> pointers;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            const IntegerTensor& input = graph().tensor(which.inputs[k]);
            const auto size = static_cast<std::size_t>(input.elements());
            bytes.emplace_back(size + kSlackBytes);
            store(std::span(inputs[k]).subspan(static_cast<std::size_t>(image) * size, size), input,
                  bytes.back().data());
            pointers.push_back(bytes.back().data());
        }
        std::vector<std::uint8_t> made(static_cast<std::size_t>(storedBytes(output)));
        m_program->runLayer(layer, pointers, made.data(), workspace);
        load(made.data(), output, &results[static_cast<std::size_t>(image) * outputSize]);
    });
    return results;
}

std::vector<std::vector<std::int32_t>> IntegerEngine::runAllLayers(std::span<const std::int32_t> codes) {
    const std::int64_t count = m_program->imagesIn(codes.size());
    const IntegerTensor& input = graph().inputTensor();
    const auto inputSize = static_cast<std::size_t>(input.elements());
    std::vector<std::vector<std::int32_t>> results;
    for (const IntegerLayer& layer : graph().layers) {
        results.emplace_back(static_cast<std::size_t>(count * graph().tensor(layer.output).elements()));
    }
    m_program->forEachImage(count, [&](std::int64_t image, Workspace& workspace) {
        const auto i = static_cast<std::size_t>(image);
        store(codes.subspan(i * inputSize, inputSize), input, m_program->tensor(graph().input, workspace));
        for (std::size_t k = 0; k < graph().layers.size(); ++k) {
            m_program->runStep(k, workspace);
            const IntegerTensor& output = graph().tensor(graph().layers[k].output);
            load(m_program->tensor(graph().layers[k].output, workspace), output,
                 &results[k][i * static_cast<std::size_t>(output.elements())]);
        }
    });
    return results;
}

}  // namespace bitlathe::core
