#include "tests/core/exporters/c_cases.h"

#include "core/deploy/integer_engine.h"
#include "core/deploy/reference_engine.h"
#include "core/exporters/c_code/c_self_test.h"
#include "core/search/memory_driven.h"

#include <algorithm>
#include <stdexcept>

namespace bitlathe::tests {

using namespace core;

namespace {

constexpr std::int64_t kFloatImage = 32 * 32;

/// Memory-driven bits where the model is a chain; else every second layer narrower, weights and outputs in turn.
QuantConfig mixedConfig(const CalibratedModel& calibrated, bool isPerChannel) {
    Scheme scheme;
    scheme.weightQuantizer = "affine";
    scheme.granularity = isPerChannel ? Granularity::Kind::Channel : Granularity::Kind::Tensor;
    QuantConfig config = configOf(calibrated.model, scheme);
    const bool isChain = std::none_of(calibrated.model.layers.begin(), calibrated.model.layers.end(),
                                      [](const Layer& layer) { return layer.kind == LayerKind::Add; });
    if (isChain) {
        MemoryDrivenOptions options;
        options.romLimitBytes = 110'000;
        options.ramLimitBytes = 10'000;
        options.mode = isPerChannel ? MemoryDrivenOptions::Mode::MixPC : MemoryDrivenOptions::Mode::MixPL;
        const MemoryDrivenResult result = memoryDrivenBits(chainOf(calibrated.model), options);
        if (!result.isFeasible) {
            throw std::runtime_error("memory-driven search: " + result.verdict);
        }
        applyBits(result, calibrated.model, config);
        for (auto& [id, layer] : config.layers) {
            layer.batchNorm = BatchNormMode::Folded;
        }
        return config;
    }
    static constexpr int kBits[] = {8, 4, 2, 4};
    std::size_t next = 0;
    for (const Layer& layer : calibrated.model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        if (layer.hasWeights()) {
            quant.weight.bits = BitWidth(kBits[next % 4]);
        }
        if (layer.isQuantizable) {
            quant.output.bits = BitWidth(kBits[(next + 1) % 4]);
        }
        ++next;
    }
    return config;
}

}  // namespace

const std::vector<std::string>& cConfigurations() {
    static const std::vector<std::string> names{"W8A8", "W4A8", "W2A8", "W4A4", "W2A4", "MixPL", "MixPC"};
    return names;
}

QuantPlan cPlanOf(const CalibratedModel& calibrated, const std::string& configuration) {
    QuantConfig config;
    if (configuration.starts_with("Mix")) {
        config = mixedConfig(calibrated, configuration == "MixPC");
    } else {
        Scheme scheme;
        scheme.weightBits = configuration.at(1) - '0';
        scheme.outputBits = configuration.at(3) - '0';
        scheme.granularity = Granularity::Kind::Channel;
        config = configOf(calibrated.model, scheme);
    }
    // The logits stay accumulators, as a microcontroller hands them on.
    for (const Layer& layer : calibrated.model.layers) {
        if (layer.outputNode == calibrated.model.graph.output) {
            config.layers[layer.id].output.bits.reset();
        }
    }
    return resolvePlan(calibrated.model, config, calibrated.statistics);
}

CVectors cVectors(const IntegerGraph& graph, std::int64_t images) {
    CVectors vectors;
    vectors.images = images;
    const Samples samples = samplesOf(testImages(images));
    IntegerEngine engine(graph);
    for (std::int64_t i = 0; i < images; ++i) {
        const Codes codes = inputCodes(
            graph, std::span(samples.images).subspan(static_cast<std::size_t>(i * kFloatImage), kFloatImage));
        const Codes result = engine.runCodes(codes);
        const std::vector<std::uint8_t> in = storedCodes(graph.inputTensor(), codes);
        const std::vector<std::uint8_t> out = storedCodes(graph.outputTensor(), result);
        vectors.inputs.insert(vectors.inputs.end(), in.begin(), in.end());
        vectors.outputs.insert(vectors.outputs.end(), out.begin(), out.end());
    }
    return vectors;
}

std::int64_t differences(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    const std::size_t common = std::min(a.size(), b.size());
    std::int64_t count = static_cast<std::int64_t>(std::max(a.size(), b.size()) - common);
    for (std::size_t i = 0; i < common; ++i) {
        count += a[i] != b[i] ? 1 : 0;
    }
    return count;
}

}  // namespace bitlathe::tests
