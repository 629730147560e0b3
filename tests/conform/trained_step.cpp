#include "tests/conform/trained_step.h"

#include "engine/tensor_bridge.h"
#include "engine/training/gradient_step.h"
#include "engine/training/quantized_network.h"

#include <ATen/core/grad_mode.h>

#include <memory>
#include <utility>

namespace bitlathe::conform {

namespace {

Tensor tensorOf(const at::Tensor& tensor) {
    const core::FloatTensor dense = engine::unwrap(tensor.detach());
    const auto values = dense.values();
    return {tensor.sizes().vec(), {values.begin(), values.end()}};
}

/// Keeps the gradients it is given and moves nothing.
class Recorder final : public engine::Optimizer {
public:
    Recorder(std::vector<engine::Parameter> parameters, std::map<std::string, Tensor>& gradients)
        : Optimizer(std::move(parameters)), m_gradients(gradients) {
        allocate(0);
    }

protected:
    void update(std::size_t parameter, at::Tensor& /*value*/, at::Tensor& gradient, double /*rate*/,
                double /*decay*/, std::int64_t /*count*/) override {
        m_gradients[parameters()[parameter].name] = tensorOf(gradient);
    }

private:
    std::map<std::string, Tensor>& m_gradients;
};

core::TrainTask taskOf(const core::Graph& graph, const core::QuantConfig& config) {
    core::TrainTask task;
    task.graph = &graph;
    task.quantization.emplace();
    task.quantization->config = &config;
    task.quantization->options.freezeBatchNormAtEpoch = 0;
    return task;
}

core::Batch batchOf(const Tensor& x, const std::vector<std::int64_t>& labels) {
    return {x.shape, x.floats(), labels};
}

}  // namespace

const Tensor& TrainedStep::gradient(const std::string& parameter) const {
    static const Tensor none;
    const auto found = gradients.find(parameter);
    return found == gradients.end() ? none : found->second;
}

TrainedStep learnFromLabels(const core::Graph& graph, const core::QuantConfig& config, const Tensor& x,
                            const std::vector<std::int64_t>& labels) {
    const core::TrainTask task = taskOf(graph, config);
    engine::QuantizedNetwork network(task, nullptr);
    network.beginStep(0);
    TrainedStep result;
    result.plan = network.plan();
    const core::Batch batch = batchOf(x, labels);
    {
        const at::NoGradGuard noGrad;
        result.output = tensorOf(network.logits(engine::wrapImages(batch)));
    }
    Recorder recorder(network.parameters(task.options), result.gradients);
    engine::GradientStep step(task, network, recorder, nullptr);
    result.loss = step.learn(batch, /*rate=*/1, "the case's step").loss;
    return result;
}

TrainedStep learnFromGradient(const core::Graph& graph, const core::QuantConfig& config, const Tensor& x,
                              const Tensor& outputGradient) {
    const core::TrainTask task = taskOf(graph, config);
    engine::QuantizedNetwork network(task, nullptr);
    network.beginStep(0);
    TrainedStep result;
    result.plan = network.plan();
    const core::Batch batch = batchOf(x, {});
    const core::Batch upstream = batchOf(outputGradient, {});
    const at::Tensor images = engine::wrapImages(batch).clone().requires_grad_(true);
    const at::Tensor output = network.logits(images);
    result.output = tensorOf(output);
    output.backward(engine::wrapImages(upstream).flatten(1));
    Recorder recorder(network.parameters(task.options), result.gradients);
    recorder.step(/*rate=*/1);
    result.gradients["input"] = tensorOf(images.grad());
    return result;
}

}  // namespace bitlathe::conform
