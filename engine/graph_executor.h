#pragma once

#include "core/graph/graph.h"
#include "engine/operators.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace bitlathe::engine {

/// Interprets a core::Graph with LibTorch tensors. Weights are views of the graph's own storage (Inference)
/// or trainable copies (Training), in channels-last order where the memory order allows or evaluation gains
/// by it. Holds no values between runs; hooks are where quantizers sit, in evaluation as in training.
class GraphExecutor {
public:
    /// Called with a node's value; what it returns takes the value's place. The value is handed over, so a
    /// hook may overwrite it when isSoleOwner() says so.
    using ValueHook = std::function<at::Tensor(at::Tensor value)>;

    GraphExecutor(core::Graph graph, ExecutionMode mode);

    const core::Graph& graph() const noexcept { return m_graph; }
    ExecutionMode mode() const noexcept { return m_mode; }
    NodeTensors& tensors(core::NodeId id) { return m_tensors[static_cast<std::size_t>(id)]; }
    const NodeTensors& tensors(core::NodeId id) const { return m_tensors[static_cast<std::size_t>(id)]; }

    void setHook(core::NodeId id, ValueHook hook) { m_hooks[static_cast<std::size_t>(id)] = std::move(hook); }
    /// Makes a one-input node hand its input through.
    void bypass(core::NodeId id) { m_isBypassed[static_cast<std::size_t>(id)] = true; }

    /// Value of the graph's output for images N,C,H,W.
    at::Tensor run(const at::Tensor& images) const { return run(images, m_graph.output); }
    /// Value of one node; later nodes are not computed.
    at::Tensor run(const at::Tensor& images, core::NodeId until) const;

    /// One node with its bypass and hook, from values of its inputs.
    /// Errors  Error naming the node when LibTorch refuses.
    at::Tensor compute(core::NodeId id, std::vector<at::Tensor> inputs) const;

private:
    friend class Execution;

    core::Graph m_graph;
    ExecutionMode m_mode;
    std::vector<NodeTensors> m_tensors;
    std::vector<ValueHook> m_hooks;
    std::vector<bool> m_isBypassed;
    std::vector<int> m_readers; ///< reads of each node's value, the graph's output counted as one
};

/// One batch on its way through a GraphExecutor. Values are released after their last reader.
class Execution {
public:
    Execution(const GraphExecutor& executor, const at::Tensor& images);

    /// Computes the next node; call for 0, 1, 2, ... in order.
    void step(core::NodeId id);
    /// The value of a node already computed and still needed by a later one (or the output); undefined
    /// otherwise.
    const at::Tensor& value(core::NodeId id) const { return m_values[static_cast<std::size_t>(id)]; }
    at::Tensor take(core::NodeId id) { return std::move(m_values[static_cast<std::size_t>(id)]); }

private:
    at::Tensor read(core::NodeId id);

    const GraphExecutor& m_executor;
    at::Tensor m_images;
    std::vector<at::Tensor> m_values;
    std::vector<int> m_readersLeft;
};

} // namespace bitlathe::engine
