#include "tests/conform/aciq_cases.h"

namespace bitlathe::conform::aciq_cases {

namespace {

// The small network: conv0 -> conv1 -> max pool -> linear, everything quantized as its text describes.
struct TinyNet {
    explicit TinyNet(const Case& source) : item(source) {
        for (const char* layer : {"conv0", "conv1", "fc"}) {
            weights[layer] = item.input(std::string(layer) + ".weight");
            biases[layer] = item.input(std::string(layer) + ".bias").values;
        }
    }
    const Case& item;
    std::map<std::string, Tensor> weights;
    std::map<std::string, std::vector<double>> biases;
};

using LayerStatistics = std::map<std::string, std::vector<Description>>;

/// Means over batches of the statistics of one layer.
std::vector<Description> meanOver(const std::vector<std::vector<Description>>& batches) {
    std::vector<Description> result(batches.front().size());
    for (const auto& batch : batches) {
        for (std::size_t s = 0; s < batch.size(); ++s) {
            for (const auto& [name, member] : kStatistics) {
                result[s].*member += batch[s].*member / static_cast<double>(batches.size());
            }
        }
    }
    return result;
}

struct TinyForward {
    Tensor conv0, conv1, pool, output;
};

TinyForward floatForward(const TinyNet& net, const Tensor& x) {
    TinyForward f;
    f.conv0 = conv2d(x, net.weights.at("conv0"), net.biases.at("conv0"), same(1));
    f.conv1 = conv2d(relu(f.conv0), net.weights.at("conv1"), net.biases.at("conv1"), same(1));
    f.pool = maxPool2x2(relu(f.conv1));
    f.output = linear(f.pool, net.weights.at("fc"), net.biases.at("fc"));
    return f;
}

/// The paper's activation correction: the mean of relu(float output) that quantization lost, added where the
/// quantized value is positive.
void correctActivation(const Tensor& exact, Tensor& quantized) {
    const std::vector<Slice> parts = slices(exact.shape, 1);
    for (const Slice& part : parts) {
        double lost = 0;
        double positive = 0;
        for (const std::size_t i : part) {
            lost += std::max(exact.values[i], 0.0) - quantized.values[i];
            positive += exact.values[i] > 0 ? 1.0 : 0.0;
        }
        const double shift = lost / (positive + 1e-8);
        for (const std::size_t i : part) {
            quantized.values[i] += quantized.values[i] > 0 ? shift : 0.0;
        }
    }
}

Tensor quantizeActivation(const Tensor& x, std::optional<int> axis, const Scheme& scheme,
                          const std::vector<Description>* offline) {
    const std::vector<Slice> parts = slices(x.shape, axis);
    const std::vector<float> values = x.floats();
    const std::vector<Description> own = offline == nullptr ? describeSlices(values, parts) : *offline;
    return fromFloats(x.shape, quantizeTensor(values, parts, own, scheme).values);
}

/// The word that follows `key`, up to a space or a mark; `otherwise` where the text lacks the key.
std::string wordAfter(const std::string& text, const std::string& key, const std::string& otherwise) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) {
        return otherwise;
    }
    const std::size_t start = at + key.size();
    return text.substr(start, text.find_first_of(" ,;)", start) - start);
}

/// The bit allocation that a case's text describes.
void readAllocation(const std::string& text, Scheme& scheme) {
    if (text.find("bit allocation on") == std::string::npos) {
        return;
    }
    scheme.allocation = std::stod(wordAfter(text, "quota ", std::to_string(scheme.bits)));
    scheme.allocatesByB = wordAfter(text, "prior ", "std") == "b";
    scheme.rounding =
        wordAfter(text, "rounding ", "nearest") == "ceil" ? BitRounding::Ceil : BitRounding::Nearest;
}

}  // namespace

void runTinyNet(Case& item) {
    TinyNet net(item);
    const int bits = item.integer("bits");
    const std::string weightText = item.text("weights");
    const std::string activationText = item.text("activations");
    const bool isFirstAllocated = weightText.find("never for conv0") == std::string::npos;
    const bool isCorrected = weightText.find("bias correction on") != std::string::npos;
    const bool isOffline = item.text("stats_mode") == "use";
    Tensor x = item.input("x");
    const TinyForward exact = floatForward(net, x);

    LayerStatistics offline;
    if (isOffline) {
        const auto shape = item.inputs()["calibration_batch_shape"].get<std::vector<std::int64_t>>();
        std::map<std::string, std::vector<std::vector<Description>>> batches;
        for (const Json& batch : item.inputs()["calibration_batches"]) {
            const TinyForward f = floatForward(net, {shape, flatten(batch)});
            batches["conv0_activation"].push_back(describeSlices(f.conv0.floats(), slices(f.conv0.shape, 1)));
            batches["conv1_activation"].push_back(describeSlices(f.conv1.floats(), slices(f.conv1.shape, 1)));
            batches["conv0_activation_per_tensor"].push_back(
                describeSlices(f.conv0.floats(), slices(f.conv0.shape, std::nullopt)));
            batches["linear0_activation_per_tensor"].push_back(
                describeSlices(f.output.floats(), slices(f.output.shape, std::nullopt)));
            batches["maxpool0_out_per_tensor"].push_back(
                describeSlices(f.pool.floats(), slices(f.pool.shape, std::nullopt)));
        }
        for (const auto& [layer, list] : batches) {
            offline[layer] = meanOver(list);
            checkAggregates(item, layer, item.expected()["collected_stats"][layer], list, {1e-4, 1e-4});
        }
        item.setAside("collected_stats", "compared entry by entry");
    }

    for (const char* layer : {"conv0", "conv1", "fc"}) {
        const bool isFirst = std::string(layer) == "conv0";
        Scheme scheme;
        scheme.bits = isFirst && weightText.find("conv0 8-bit") != std::string::npos ? 8 : bits;
        if (!isFirst || isFirstAllocated) {
            readAllocation(weightText, scheme);
        }
        Tensor& w = net.weights[layer];
        w = fromFloats(w.shape, correctedWeights(w, scheme, true, {isCorrected, false}));
        item.check(std::string(layer) + "_wq", w.values, toleranceOf(item));
    }

    const std::size_t firstOutput = activationText.find("conv0 output");
    Scheme convScheme;
    convScheme.bits = bits;
    convScheme.isOneSided = true;
    convScheme.clip = wordAfter(activationText, "clip=", "no");
    readAllocation(activationText.substr(0, firstOutput), convScheme);
    const bool isFirstWhole =
        firstOutput != std::string::npos &&
        activationText.find("int8 per-tensor", firstOutput) < activationText.find("pool output", firstOutput);
    const bool correctsActivations = item.flag("activation_bias_correction");
    // Layer by layer on quantized inputs; the statistics of the layer's own output where they are dynamic.
    const Tensor raw0 = conv2d(x, net.weights.at("conv0"), net.biases.at("conv0"), same(1));
    Tensor act0;
    if (isFirstWhole) {
        Scheme first;
        first.bits = 8;
        first.isOneSided = true;
        first.usesTensorGrid = true;
        act0 = quantizeActivation(raw0, std::nullopt, first,
                                  isOffline ? &offline.at("conv0_activation_per_tensor") : nullptr);
    } else {
        act0 = quantizeActivation(raw0, 1, convScheme, isOffline ? &offline.at("conv0_activation") : nullptr);
    }
    if (correctsActivations) {
        correctActivation(raw0, act0);
    }
    const Tensor raw1 = conv2d(relu(act0), net.weights.at("conv1"), net.biases.at("conv1"), same(1));
    Tensor act1 =
        quantizeActivation(raw1, 1, convScheme, isOffline ? &offline.at("conv1_activation") : nullptr);
    if (correctsActivations) {
        correctActivation(raw1, act1);
    }
    const Tensor pooled = maxPool2x2(relu(act1));
    Scheme poolScheme;
    poolScheme.bits = 8;
    poolScheme.usesTensorGrid = true;
    std::vector<Description> poolStatistics;
    if (isOffline) {
        poolStatistics = offline.at("maxpool0_out_per_tensor");
    } else {
        poolStatistics = describeSlices(pooled.floats(), slices(pooled.shape, std::nullopt));
        averageExtrema(poolStatistics.front(), pooled);
    }
    const Tensor actPool = quantizeActivation(pooled, std::nullopt, poolScheme, &poolStatistics);
    const Tensor raw2 = linear(actPool, net.weights.at("fc"), net.biases.at("fc"));
    Scheme lastScheme;
    lastScheme.bits = bits;
    lastScheme.clip = convScheme.clip;
    lastScheme.usesTensorGrid = lastScheme.clip == "no";
    std::vector<Description> lastStatistics;
    if (isOffline) {
        lastStatistics = offline.at("linear0_activation_per_tensor");
    } else {
        lastStatistics = describeSlices(raw2.floats(), slices(raw2.shape, std::nullopt));
        if (lastScheme.usesTensorGrid) {
            averageExtrema(lastStatistics.front(), raw2);
        }
    }
    const Tensor output = quantizeActivation(raw2, std::nullopt, lastScheme, &lastStatistics);
    item.check("act_conv0", act0.values, toleranceOf(item));
    item.check("act_conv1", act1.values, toleranceOf(item));
    item.check("act_pool", actPool.values, toleranceOf(item));
    item.check("output", output.values, toleranceOf(item));
    item.check("fp32_output", exact.output.values, toleranceOf(item));
}

}  // namespace bitlathe::conform::aciq_cases
