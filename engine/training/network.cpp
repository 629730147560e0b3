#include "engine/training/network.h"

#include "core/types/error.h"
#include "engine/evaluator.h"
#include "engine/tensor_bridge.h"
#include "engine/training/batch_norm_training.h"

#include <ATen/Context.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <utility>

namespace bitlathe::engine {

namespace {

/// Cross entropy takes logits: the node in front of a closing softmax.
core::NodeId logitsNode(const core::Graph& graph) {
    const core::Node& last = graph.node(graph.output);
    return std::holds_alternative<core::SoftmaxOp>(last.op) ? last.inputs.front() : graph.output;
}

core::ParameterKind weightKind(const core::Operator& op) {
    if (const auto* const conv = std::get_if<core::Conv2dOp>(&op)) {
        const bool isDepthwise = conv->groups > 1 && conv->weight.shape().at(1) == 1;
        return isDepthwise ? core::ParameterKind::DepthwiseConv : core::ParameterKind::Conv;
    }
    return core::ParameterKind::Linear;
}

at::Device deviceNamed(const std::string& name) {
    if (name == "cuda" && !at::hasCUDA()) {
        throw core::Error(
            core::ErrorCode::InvalidConfig,
            "training: device 'cuda' is not there (this LibTorch has no CUDA, or the machine no such "
            "processor); use 'cpu'");
    }
    return at::Device(name);
}

struct NamedTensor {
    const char* suffix;
    at::Tensor NodeTensors::*tensor;
};
constexpr NamedTensor kTensors[] = {{".weight", &NodeTensors::weight}, {".bias", &NodeTensors::bias},
                                    {".gamma", &NodeTensors::gamma},   {".beta", &NodeTensors::beta},
                                    {".mean", &NodeTensors::mean},     {".variance", &NodeTensors::variance}};

}  // namespace

Network::Network(const core::Graph& graph, const core::TrainOptions& options,
                 std::shared_ptr<const Workers> workers)
    : m_executor(graph, ExecutionMode::Training), m_workers(std::move(workers)),
      m_precision(options.precision), m_device(deviceNamed(options.device)), m_logits(logitsNode(graph)) {
    if (!m_device.is_cpu()) {
        moveToDevice();
    }
    setOperators();
}

void Network::moveToDevice() {
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(structure().nodes.size()); ++id) {
        for (const NamedTensor& named : kTensors) {
            at::Tensor& tensor = m_executor.tensors(id).*named.tensor;
            if (tensor.defined()) {
                const bool isLearned = tensor.requires_grad();
                tensor = tensor.detach().to(m_device).requires_grad_(isLearned);
            }
        }
    }
}

/// What the executor does by itself in float on one machine.
void Network::setOperators() {
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(structure().nodes.size()); ++id) {
        const core::Operator& op = structure().node(id).op;
        FoldablePair pair;
        pair.precision = m_precision;
        pair.workers = m_workers;
        if (std::holds_alternative<core::BatchNormOp>(op) && m_workers != nullptr) {
            pair.norm = &structure().node(id);
            pair.statistics = &m_executor.tensors(id);
            m_executor.setOperator(id, [pair](std::vector<at::Tensor> inputs) {
                return normalise(pair, inputs[0], /*isFrozen=*/false);
            });
        }
        const bool isProduct =
            std::holds_alternative<core::Conv2dOp>(op) || std::holds_alternative<core::LinearOp>(op);
        if (isProduct && m_precision == core::Precision::BFloat16) {
            pair.node = &structure().node(id);
            pair.tensors = &m_executor.tensors(id);
            m_executor.setOperator(id, [pair](std::vector<at::Tensor> inputs) {
                return pair.compute(inputs[0], pair.tensors->weight, pair.tensors->bias);
            });
        }
    }
}

at::Tensor Network::logits(const at::Tensor& images) const {
    return m_executor.run(images, m_logits).flatten(1);
}

std::vector<Parameter> Network::parameters(const core::TrainOptions& options) {
    std::vector<Parameter> parameters;
    const auto add = [&](const std::string& name, core::ParameterKind kind, const at::Tensor& value) {
        if (value.defined()) {
            parameters.push_back(
                {name, kind, value, core::parameterSettings(options, name, kind, value.numel())});
        }
    };
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(structure().nodes.size()); ++id) {
        const NodeTensors& tensors = m_executor.tensors(id);
        const core::Node& node = structure().node(id);
        add(node.name + ".weight", weightKind(node.op), tensors.weight);
        add(node.name + ".bias", core::ParameterKind::Bias, tensors.bias);
        add(node.name + ".gamma", core::ParameterKind::BatchNorm, tensors.gamma);
        add(node.name + ".beta", core::ParameterKind::BatchNorm, tensors.beta);
    }
    return parameters;
}

core::Graph Network::graph() const {
    core::Graph graph = structure();
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const NodeTensors& tensors = m_executor.tensors(static_cast<core::NodeId>(i));
        core::Operator& op = graph.nodes[i].op;
        if (auto* conv = std::get_if<core::Conv2dOp>(&op)) {
            conv->weight = unwrap(tensors.weight);
            conv->bias = unwrap(tensors.bias);
        } else if (auto* linear = std::get_if<core::LinearOp>(&op)) {
            linear->weight = unwrap(tensors.weight);
            linear->bias = unwrap(tensors.bias);
        } else if (auto* norm = std::get_if<core::BatchNormOp>(&op)) {
            norm->gamma = unwrap(tensors.gamma);
            norm->beta = unwrap(tensors.beta);
            norm->mean = unwrap(tensors.mean);
            norm->variance = unwrap(tensors.variance);
        }
    }
    return graph;
}

core::EvaluationResult Network::evaluate(const core::BatchSource& data,
                                         const core::RunContext& context) const {
    return evaluateClassifier(GraphExecutor(graph(), ExecutionMode::Inference), data, context);
}

NamedTensors Network::state() {
    NamedTensors all;
    for (core::NodeId id = 0; id < static_cast<core::NodeId>(structure().nodes.size()); ++id) {
        for (const NamedTensor& named : kTensors) {
            const at::Tensor& tensor = m_executor.tensors(id).*named.tensor;
            if (tensor.defined()) {
                all[structure().node(id).name + named.suffix] = tensor;
            }
        }
    }
    return all;
}

std::string Network::firstNonFiniteNode(const at::Tensor& images) const {
    const at::NoGradGuard noGrad;
    Execution execution(m_executor, images);
    for (core::NodeId id = 0; id <= m_logits; ++id) {
        execution.step(id);
        const at::Tensor& value = execution.value(id);
        if (value.defined() && !at::isfinite(value).all().item().toBool()) {
            return structure().node(id).name;
        }
    }
    return {};
}

}  // namespace bitlathe::engine
