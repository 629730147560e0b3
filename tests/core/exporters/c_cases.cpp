#include "tests/core/exporters/c_cases.h"

#include "core/deploy/integer_engine.h"
#include "core/deploy/reference_engine.h"
#include "core/exporters/c_code/c_self_test.h"
#include "core/graph/prepare.h"
#include "core/search/memory_driven.h"

#include <algorithm>
#include <stdexcept>

namespace bitlathe::tests {

using namespace core;

namespace {

constexpr std::int64_t kFloatImage = 32 * 32;

/// Limits under which the rules cut weights and activations to 4 and 2 bits: somewhat less than half of what 8 bits
/// need by the formulas (MobileNetV1-0.25 PC: 237,682 and 24,576 B; ResNet-8: 80,678 and 49,152 B).
MemoryDrivenOptions limitsOf(const PreparedModel& model) {
    const bool hasResiduals = std::any_of(model.layers.begin(), model.layers.end(),
                                          [](const Layer& layer) { return layer.kind == LayerKind::Add; });
    MemoryDrivenOptions options;
    options.romLimitBytes = hasResiduals ? 36'000 : 110'000;
    options.ramLimitBytes = hasResiduals ? 20'000 : 10'000;
    return options;
}

/// Memory-driven bits, as the rules choose them.
QuantConfig mixedConfig(const CalibratedModel& calibrated, bool isPerChannel) {
    Scheme scheme;
    scheme.weightQuantizer = "affine";
    QuantConfig config = configOf(calibrated.model, scheme);
    MemoryDrivenOptions options = limitsOf(calibrated.model);
    options.mode = isPerChannel ? MemoryDrivenOptions::Mode::MixPC : MemoryDrivenOptions::Mode::MixPL;
    const MemoryDrivenResult result = memoryDrivenBits(calibrated.model, options);
    if (!result.isFeasible) {
        throw std::runtime_error("memory-driven search: " + result.verdict);
    }
    applyBits(result, calibrated.model, config);
    return config;
}

}  // namespace

const std::vector<std::string>& cConfigurations() {
    static const std::vector<std::string> names{"W8A8", "W4A8", "W2A8", "W4A4", "W2A4", "MixPL", "MixPC"};
    return names;
}

CCase cCaseOf(const CalibratedModel& calibrated, const std::string& configuration) {
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
    // Behind its batch norm an output has the same values, folded or not: the statistics hold for both.
    CCase made{config, preparedFor(calibrated.model, config), {}};
    made.plan = resolvePlan(made.model, config, calibrated.statistics);
    return made;
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
