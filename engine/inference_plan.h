#pragma once

#include "engine/fused_convolution.h"
#include "engine/graph_executor.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace bitlathe::engine {

/// How an inference executor runs a batch fast: convolutions fused with the sum and clamp behind them, and a
/// few images at a time on each thread, so that values are still in cache when the next operator (or the
/// fake-quantization) reads them and threads need not wait for each other at every operator. Once values are
/// small (behind the global pooling) the whole batch goes on together.
///
/// How many images go together depends on the graph alone, so the number of threads changes no bit of them.
/// Executors with hooks, whose results depend on the whole batch, run it in one piece, on all threads.
/// Made for an executor as it is; the executor drops it when it changes.
class InferencePlan {
public:
    InferencePlan(const GraphExecutor& executor, core::NodeId until);

    core::NodeId until() const noexcept { return m_until; }
    at::Tensor run(const GraphExecutor& executor, const at::Tensor& images) const;

private:
    /// One operator, or a convolution with what is fused into it; its value is that of `node`.
    struct Step {
        core::NodeId node;
        std::vector<core::NodeId> inputs;
        std::unique_ptr<const FusedConvolution> convolution;  ///< null: `node` alone
        std::size_t addend = 0;                               ///< index into `inputs`; 0: nothing is added
    };

    void addConvolution(const GraphExecutor& executor, core::NodeId id,
                        const std::vector<std::vector<core::NodeId>>& consumers,
                        std::vector<core::NodeId>& endOf);
    void findReaders(const GraphExecutor& executor);
    void findJoin(const GraphExecutor& executor);
    at::Tensor runSteps(const GraphExecutor& executor, std::size_t begin, std::size_t end,
                        at::Tensor in) const;
    at::Tensor runStep(const GraphExecutor& executor, const Step& step, std::vector<at::Tensor> inputs) const;
    at::Tensor runInPieces(const GraphExecutor& executor, const at::Tensor& images) const;

    core::NodeId m_until;
    std::vector<Step> m_steps;
    std::vector<int> m_readers;         ///< steps that read each node's value
    std::size_t m_join = 0;             ///< steps [0, join) run in pieces; 0: none
    std::int64_t m_imagesTogether = 1;  ///< of a piece
};

}  // namespace bitlathe::engine
