#include "engine/graph_executor.h"

#include "core/types/error.h"
#include "engine/batch_norm_op.h"
#include "engine/fake_quantize_op.h"
#include "engine/inference_plan.h"
#include "engine/tensor_bridge.h"

#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>
#include <utility>

namespace bitlathe::engine {

namespace {

NodeTensors viewsOf(const core::Operator& op) {
    NodeTensors tensors;
    if (const auto* conv = std::get_if<core::Conv2dOp>(&op)) {
        tensors.weight = toChannelsLast(wrap(conv->weight));
        tensors.bias = wrap(conv->bias);
    } else if (const auto* linear = std::get_if<core::LinearOp>(&op)) {
        tensors.weight = wrap(linear->weight);
        tensors.bias = wrap(linear->bias);
    } else if (const auto* norm = std::get_if<core::BatchNormOp>(&op)) {
        tensors.gamma = wrap(norm->gamma);
        tensors.beta = wrap(norm->beta);
        tensors.mean = wrap(norm->mean);
        tensors.variance = wrap(norm->variance);
    }
    return tensors;
}

/// Copies that training may change, the learned ones as leaves of the autograd graph.
void makeTrainable(NodeTensors& tensors) {
    for (at::Tensor* const learned : {&tensors.weight, &tensors.bias, &tensors.gamma, &tensors.beta}) {
        if (learned->defined()) {
            *learned = learned->clone().requires_grad_(true);
        }
    }
    for (at::Tensor* const running : {&tensors.mean, &tensors.variance}) {
        if (running->defined()) {
            *running = running->clone();
        }
    }
}

}  // namespace

GraphExecutor::GraphExecutor(core::Graph graph, ExecutionMode mode)
    : m_graph(std::move(graph)), m_mode(mode), m_hooks(m_graph.nodes.size()),
      m_operators(m_graph.nodes.size()), m_grids(m_graph.nodes.size()),
      m_isBypassed(m_graph.nodes.size(), false), m_readers(m_graph.nodes.size(), 0),
      m_clampBehind(m_graph.nodes.size(), -1) {
    m_tensors.reserve(m_graph.nodes.size());
    for (const core::Node& node : m_graph.nodes) {
        m_tensors.push_back(viewsOf(node.op));
        if (mode == ExecutionMode::Training) {
            makeTrainable(m_tensors.back());
        }
        for (const core::NodeId input : node.inputs) {
            ++m_readers[static_cast<std::size_t>(input)];
        }
    }
    ++m_readers[static_cast<std::size_t>(m_graph.output)];
    const std::vector<std::vector<core::NodeId>> consumers = m_graph.consumers();
    for (std::size_t i = 0; i < m_graph.nodes.size(); ++i) {
        if (m_readers[i] == 1 && consumers[i].size() == 1 &&
            std::holds_alternative<core::BatchNormOp>(m_graph.nodes[i].op)) {
            const auto* const clamp = std::get_if<core::ClampOp>(&m_graph.node(consumers[i].front()).op);
            m_clampBehind[i] = clamp != nullptr && isFusable(*clamp) ? consumers[i].front() : -1;
        }
    }
}

GraphExecutor::GraphExecutor(GraphExecutor&&) noexcept = default;
GraphExecutor& GraphExecutor::operator=(GraphExecutor&&) noexcept = default;
GraphExecutor::~GraphExecutor() = default;

NodeTensors& GraphExecutor::tensors(core::NodeId id) {
    m_plan.reset();
    return m_tensors[static_cast<std::size_t>(id)];
}

void GraphExecutor::setHook(core::NodeId id, ValueHook hook) {
    m_plan.reset();
    m_hooks[static_cast<std::size_t>(id)] = std::move(hook);
}

GraphExecutor::ValueHook GraphExecutor::takeHook(core::NodeId id) {
    m_plan.reset();
    return std::exchange(m_hooks[static_cast<std::size_t>(id)], nullptr);
}

bool GraphExecutor::hasHooks() const noexcept {
    return std::any_of(m_hooks.begin(), m_hooks.end(), [](const ValueHook& hook) { return hook != nullptr; });
}

void GraphExecutor::setGrid(core::NodeId id, core::QParams grid) {
    m_plan.reset();
    m_grids[static_cast<std::size_t>(id)] = std::move(grid);
}

std::optional<core::QParams> GraphExecutor::takeGrid(core::NodeId id) {
    m_plan.reset();
    return std::exchange(m_grids[static_cast<std::size_t>(id)], std::nullopt);
}

void GraphExecutor::bypass(core::NodeId id) {
    m_plan.reset();
    m_isBypassed[static_cast<std::size_t>(id)] = true;
}

at::Tensor GraphExecutor::run(const at::Tensor& images, core::NodeId until) const {
    // Fused kernels may turn NaN into numbers: a batch that brings NaN along goes the plain way, where it
    // shows.
    if (m_mode == ExecutionMode::Inference && at::isfinite(images).all().item().toBool()) {
        if (m_plan == nullptr || m_plan->until() != until) {
            m_plan = std::make_unique<const InferencePlan>(*this, until);
        }
        return m_plan->run(*this, images);
    }
    Execution execution(*this, images);
    for (core::NodeId id = 0; id <= until; ++id) {
        execution.step(id);
    }
    return execution.take(until);
}

at::Tensor GraphExecutor::compute(core::NodeId id, std::vector<at::Tensor> inputs) const {
    const auto i = static_cast<std::size_t>(id);
    const core::Node& node = m_graph.nodes[i];
    try {
        if (m_isBypassed[i] || isDoneByBatchNorm(id)) {
            return finish(id, std::move(inputs[0]));
        }
        if (m_operators[i]) {
            return finish(id, m_operators[i](std::move(inputs)));
        }
        const bool isTrainedNorm =
            m_mode == ExecutionMode::Training && std::holds_alternative<core::BatchNormOp>(node.op);
        return finish(id, isTrainedNorm ? trainedBatchNorm(id, inputs[0])
                                        : applyOperator(node, m_tensors[i], std::move(inputs), m_mode));
    } catch (const c10::Error& error) {
        throw core::Error(core::ErrorCode::Unknown,
                          "node '" + node.name + "' (" + std::string(core::operatorName(node.op)) +
                              ") failed in LibTorch: " + error.what_without_backtrace());
    }
}

core::NodeId GraphExecutor::clampBehind(core::NodeId id) const {
    const core::NodeId next = m_clampBehind[static_cast<std::size_t>(id)];
    const bool isOthers = m_operators[static_cast<std::size_t>(id)] != nullptr;
    return next < 0 || isOthers || isWatched(id) || isBypassed(id) || isBypassed(next) ? -1 : next;
}

at::Tensor GraphExecutor::trainedBatchNorm(core::NodeId id, const at::Tensor& x) const {
    const core::Node& node = m_graph.node(id);
    const NodeTensors& own = tensors(id);
    const core::NodeId next = clampBehind(id);
    std::optional<core::ClampOp> clamp;
    if (next >= 0) {
        clamp = std::get<core::ClampOp>(m_graph.node(next).op);
    }
    if (x.dim() == 4 && x.device().is_cpu() && x.scalar_type() == at::kFloat) {
        return batchNormForTraining(x, {}, own, std::get<core::BatchNormOp>(node.op), {clamp, {}});
    }
    at::Tensor value = applyOperator(node, own, {x}, m_mode);
    return clamp ? applyOperator(m_graph.node(next), {}, {std::move(value)}, m_mode) : value;
}

bool GraphExecutor::isDoneByBatchNorm(core::NodeId id) const {
    if (m_mode != ExecutionMode::Training || !std::holds_alternative<core::ClampOp>(m_graph.node(id).op)) {
        return false;
    }
    return clampBehind(m_graph.node(id).inputs.front()) == id;
}

at::Tensor GraphExecutor::finish(core::NodeId id, at::Tensor value) const {
    const auto i = static_cast<std::size_t>(id);
    if (m_grids[i]) {
        value = fakeQuantize(std::move(value), *m_grids[i]);
    }
    return m_hooks[i] ? m_hooks[i](std::move(value)) : value;
}

Execution::Execution(const GraphExecutor& executor, const at::Tensor& images)
    : m_executor(executor), m_images(toChannelsLast(images)), m_values(executor.m_graph.nodes.size()),
      m_readersLeft(executor.m_readers) {}

at::Tensor Execution::read(core::NodeId id) {
    const auto i = static_cast<std::size_t>(id);
    // The last reader gets the handle itself: it may reuse the memory, and nothing lives longer than needed.
    return --m_readersLeft[i] == 0 ? std::move(m_values[i]) : m_values[i];
}

void Execution::step(core::NodeId id) {
    const core::Node& node = m_executor.m_graph.node(id);
    std::vector<at::Tensor> inputs;
    inputs.reserve(node.inputs.size() + 1);
    for (const core::NodeId input : node.inputs) {
        inputs.push_back(read(input));
    }
    if (node.inputs.empty()) {
        inputs.push_back(m_images);
    }
    m_values[static_cast<std::size_t>(id)] = m_executor.compute(id, std::move(inputs));
}

}  // namespace bitlathe::engine
