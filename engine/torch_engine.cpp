#include "engine/torch_engine.h"

#include "engine/error_boundary.h"
#include "engine/evaluator.h"
#include "engine/layer_errors.h"
#include "engine/layer_values.h"
#include "engine/process_setup.h"
#include "engine/quantized_executor.h"
#include "engine/sensitivity_meter.h"
#include "engine/statistics_collector.h"
#include "engine/tensor_bridge.h"
#include "engine/torch_script_importer.h"
#include "engine/torch_script_writer.h"
#include "engine/training/trainer.h"

#include <c10/core/InferenceMode.h>

namespace bitlathe::engine {

TorchEngine::TorchEngine() {
    setUpProcess();
}

core::EngineInfo TorchEngine::info() const {
    return atBoundary("asking LibTorch about itself", [] { return describeLibTorch(); });
}

void TorchEngine::setThreads(int threads) {
    atBoundary("setting the number of threads", [&] { setComputeThreads(threads); });
}

core::Graph TorchEngine::importTorchScript(const std::string& path, const core::Shape& inputShape) {
    return atBoundary("reading the model", [&] { return engine::importTorchScript(path, inputShape); });
}

void TorchEngine::saveTorchScript(const core::Graph& graph, const std::string& path) {
    atBoundary("writing the model", [&] { writeTorchScript(graph, path); });
}

core::Statistics TorchEngine::calibrate(const core::PreparedModel& model, const core::BatchSource& data,
                                        core::ChannelDetail detail, const core::RunContext& context) {
    return atBoundary("calibration", [&] { return calibrateModel(model, data, detail, context); });
}

core::EvaluationResult TorchEngine::evaluate(const core::PreparedModel& model, const core::QuantPlan& plan,
                                             const core::BatchSource& data, const core::RunContext& context) {
    return atBoundary("evaluation",
                      [&] { return evaluateClassifier(makeQuantizedExecutor(model, plan), data, context); });
}

std::vector<core::LayerError> TorchEngine::layerErrors(const core::PreparedModel& model,
                                                       const core::QuantPlan& plan,
                                                       const core::BatchSource& data,
                                                       const core::RunContext& context) {
    return atBoundary("measuring layer errors",
                      [&] { return measureLayerErrors(model, plan, data, context); });
}

core::SensitivityTable TorchEngine::sensitivity(const core::PreparedModel& model,
                                                std::span<const core::SensitivityProbe> probes,
                                                const core::BatchSource& data,
                                                const core::RunContext& context) {
    return atBoundary("measuring sensitivity",
                      [&] { return measureSensitivity(model, probes, data, context); });
}

std::vector<core::FloatTensor> TorchEngine::layerValues(const core::PreparedModel& model,
                                                        const core::QuantPlan& plan,
                                                        const core::Batch& batch) {
    return atBoundary("running the model layer by layer",
                      [&] { return computeLayerValues(model, plan, batch); });
}

core::FloatTensor TorchEngine::forward(const core::PreparedModel& model, const core::QuantPlan& plan,
                                       const core::Batch& batch) {
    return atBoundary("running the model", [&] {
        const c10::InferenceMode inference;
        requireInputShape(model.graph, batch.shape);
        return unwrap(makeQuantizedExecutor(model, plan).run(wrapImages(batch)));
    });
}

core::TrainResult TorchEngine::train(const core::TrainTask& task, const core::RunContext& context,
                                     const core::TrainObserver& observer) {
    return atBoundary("training", [&] { return engine::train(task, context, observer); });
}

}  // namespace bitlathe::engine

/// What core::loadEngine looks up (core/engine/engine_loader.h).
extern "C" __attribute__((visibility("default"))) bitlathe::core::Engine* bitlathe_create_engine() {
    return new bitlathe::engine::TorchEngine();
}
