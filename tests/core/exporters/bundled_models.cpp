#include "tests/core/exporters/bundled_models.h"

#include "core/engine/engine_loader.h"
#include "core/exporters/exporter.h"
#include "core/graph/prepare.h"
#include "tests/reference/onnx_runtime.h"

#include <QTemporaryDir>

#include <algorithm>
#include <map>

namespace bitlathe::tests {

using namespace core;

namespace {

DataSpec dataSpec() {
    DataSpec spec;  // as in the recipes that trained the models
    spec.pad = 2;
    spec.mean = {73};
    spec.scale = {90};
    return spec;
}

BatchSource images(DataSplit split, std::int64_t samples) {
    BatchSource::Options options;
    options.samples = samples;
    return {openDataset(dataSpec(), split), dataSpec(), options};
}

}  // namespace

Engine& engine() {
    static const std::shared_ptr<Engine> loaded = [] {
        std::shared_ptr<Engine> made = loadEngine();
        made->setThreads(1);
        return made;
    }();
    return *loaded;
}

const CalibratedModel& bundledModel(const std::string& file) {
    static std::map<std::string, CalibratedModel> models;
    const auto found = models.find(file);
    if (found != models.end()) {
        return found->second;
    }
    const std::string path = BITLATHE_SOURCE_DIR "/resources/models/" + file + ".pt";
    CalibratedModel calibrated;
    calibrated.model = prepare(engine().importTorchScript(path, {1, 32, 32}));
    calibrated.statistics = engine().calibrate(calibrated.model, images(DataSplit::Train, 512),
                                               ChannelDetail::Histograms, RunContext());
    return models.emplace(file, std::move(calibrated)).first->second;
}

QuantConfig configOf(const PreparedModel& model, const Scheme& scheme) {
    QuantConfig config;
    config.input.bits = BitWidth(8);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        if (layer.hasWeights()) {
            quant.weight.bits = BitWidth(scheme.weightBits);
            quant.weight.quantizer = {scheme.weightQuantizer, {}};
            quant.weight.granularity.kind = scheme.granularity;
        }
        if (layer.isQuantizable) {
            quant.output.bits = BitWidth(scheme.outputBits);
            quant.output.quantizer = {scheme.outputQuantizer, {}};
        }
    }
    return config;
}

QuantPlan planOf(const CalibratedModel& calibrated, const Scheme& scheme) {
    return resolvePlan(calibrated.model, configOf(calibrated.model, scheme), calibrated.statistics);
}

BatchSource testImages(std::int64_t samples) {
    return images(DataSplit::Test, samples);
}

std::vector<float> engineLogits(const PreparedModel& model, const QuantPlan& plan,
                                const BatchSource& images) {
    std::vector<float> logits;
    Batch batch;
    for (std::int64_t i = 0; i < images.batchCount(); ++i) {
        images.read(i, batch);
        const FloatTensor made = engine().forward(model, plan, batch);
        logits.insert(logits.end(), made.values().begin(), made.values().end());
    }
    return logits;
}

Samples samplesOf(const BatchSource& images) {
    Samples samples;
    Batch batch;
    for (std::int64_t i = 0; i < images.batchCount(); ++i) {
        images.read(i, batch);
        samples.images.insert(samples.images.end(), batch.images.begin(), batch.images.end());
        samples.labels.insert(samples.labels.end(), batch.labels.begin(), batch.labels.end());
    }
    return samples;
}

std::vector<float> onnxLogits(const PreparedModel& model, const QuantPlan& plan, const Samples& samples,
                              bool isOptimized) {
    const QTemporaryDir folder;
    const std::vector<std::string> files =
        exporterRegistry().create({"onnx_qdq", {}})->write(model, plan, folder.path().toStdString());
    const Shape& input = model.graph.inputShape();
    return runOnnx(files.front(), samples.images, {input.begin() + 1, input.end()},
                   isOptimized ? OnnxOptimization::All : OnnxOptimization::Disabled);
}

double top1Percent(const std::vector<float>& logits, const std::vector<std::int64_t>& labels) {
    const std::size_t classes = logits.size() / labels.size();
    std::size_t correct = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto first = logits.begin() + static_cast<std::ptrdiff_t>(i * classes);
        const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes)) - first;
        correct += best == labels[i] ? 1 : 0;
    }
    return 100.0 * static_cast<double>(correct) / static_cast<double>(labels.size());
}

}  // namespace bitlathe::tests
