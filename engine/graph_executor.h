#pragma once

#include "core/graph/graph.h"
#include "core/types/qparams.h"
#include "engine/operators.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace bitlathe::engine {

class InferencePlan;

/// Interprets a core::Graph with LibTorch tensors. Weights are views of the graph's own storage (Inference)
/// or trainable copies (Training), in channels-last order where the memory order allows or evaluation gains
/// by it. Holds no values between runs; hooks are where quantizers of training sit, grids those of evaluation.
///
/// In Inference, run() fuses and splits the work (inference_plan.h) and keeps what it prepared until the
/// executor is changed through its functions; change tensors through tensors(), not through handles kept from
/// before. One thread at a time may call run().
class GraphExecutor {
public:
    /// Called with a node's value; what it returns takes the value's place. The value is handed over, so a
    /// hook may overwrite it when isSoleOwner() says so.
    using ValueHook = std::function<at::Tensor(at::Tensor value)>;

    /// Computes a node in another way than applyOperator: where training folds and quantizes.
    using NodeOperator = std::function<at::Tensor(std::vector<at::Tensor> inputs)>;

    GraphExecutor(core::Graph graph, ExecutionMode mode);
    GraphExecutor(GraphExecutor&&) noexcept;
    GraphExecutor& operator=(GraphExecutor&&) noexcept;
    ~GraphExecutor();

    const core::Graph& graph() const noexcept { return m_graph; }
    ExecutionMode mode() const noexcept { return m_mode; }
    NodeTensors& tensors(core::NodeId id);
    const NodeTensors& tensors(core::NodeId id) const { return m_tensors[static_cast<std::size_t>(id)]; }

    void setHook(core::NodeId id, ValueHook hook);
    /// Takes the node's hook away, for one that calls it; null where there is none.
    ValueHook takeHook(core::NodeId id);
    bool hasHooks() const noexcept;
    /// Training alone: what computes the node from now on.
    void setOperator(core::NodeId id, NodeOperator op) {
        m_operators[static_cast<std::size_t>(id)] = std::move(op);
    }
    /// Fake-quantizes the node's value with this grid, in front of its hook.
    void setGrid(core::NodeId id, core::QParams grid);
    /// True when a hook or grid takes the node's value.
    bool isWatched(core::NodeId id) const {
        const auto i = static_cast<std::size_t>(id);
        return m_hooks[i] != nullptr || m_grids[i].has_value();
    }
    /// Takes the node's grid away, for a hook that must see the value before it.
    std::optional<core::QParams> takeGrid(core::NodeId id);
    /// Of a batch norm: the clamp that alone reads its value and can run in the same pass; -1: there is none.
    core::NodeId soleClampBehind(core::NodeId id) const {
        return m_clampBehind[static_cast<std::size_t>(id)];
    }
    /// Makes a one-input node hand its input through.
    void bypass(core::NodeId id);
    bool isBypassed(core::NodeId id) const { return m_isBypassed[static_cast<std::size_t>(id)]; }

    /// Value of the graph's output for images N,C,H,W.
    at::Tensor run(const at::Tensor& images) const { return run(images, m_graph.output); }
    /// Value of one node; later nodes are not computed.
    at::Tensor run(const at::Tensor& images, core::NodeId until) const;

    /// One node with its bypass, grid and hook, from values of its inputs.
    /// Errors  Error naming the node when LibTorch refuses.
    at::Tensor compute(core::NodeId id, std::vector<at::Tensor> inputs) const;
    /// What the node's grid and hook make of its operator's result.
    at::Tensor finish(core::NodeId id, at::Tensor value) const;

private:
    friend class Execution;

    /// Training: the clamp that the batch norm of this node applies itself, -1 for none; the clamp's own node then
    /// hands its input through.
    core::NodeId clampBehind(core::NodeId id) const;
    at::Tensor trainedBatchNorm(core::NodeId id, const at::Tensor& x) const;
    bool isDoneByBatchNorm(core::NodeId id) const;

    core::Graph m_graph;
    ExecutionMode m_mode;
    std::vector<NodeTensors> m_tensors;
    std::vector<ValueHook> m_hooks;
    std::vector<NodeOperator> m_operators;
    std::vector<std::optional<core::QParams>> m_grids;
    std::vector<bool> m_isBypassed;
    std::vector<int> m_readers;  ///< reads of each node's value, the graph's output counted as one
    std::vector<core::NodeId> m_clampBehind;  ///< of a batch norm: the clamp that alone reads it; else -1
    mutable std::unique_ptr<const InferencePlan> m_plan;  ///< null until run(), and after every change
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

}  // namespace bitlathe::engine
