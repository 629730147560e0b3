#pragma once

#include "core/data/batches.h"
#include "core/engine/engine.h"
#include "engine/graph_executor.h"
#include "engine/optimizers/optimizer.h"
#include "engine/training/network.h"
#include "engine/training/workers.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bitlathe::engine {

/// One batch's way through a network and back: loss, gradients of the mean over all workers' images, clipping (README
/// eq. 80), the optimizer's update, and the learned ranges put back into their domain. A task with distillation brings
/// its teacher, the float model as it was given.
class GradientStep {
public:
    struct Learned {
        double loss = 0;           ///< mean over the batch, before the update
        std::int64_t correct = 0;  ///< images whose largest logit is their label's
    };

    /// What is referred to must outlive the object. workers  null: alone
    GradientStep(const core::TrainTask& task, Network& network, Optimizer& optimizer,
                 std::shared_ptr<const Workers> workers);

    /// where  of the training, for the error's text
    /// Errors  NonFiniteInput: the loss is not finite, or a quantizer met a value that is not; names the layer.
    Learned learn(const core::Batch& batch, double rate, const std::string& where);

private:
    at::Tensor logitsOf(const at::Tensor& images, const std::string& where) const;
    at::Tensor teacherLogits(const at::Tensor& images) const;
    void backward(const at::Tensor& loss, std::size_t images) const;
    void requireLabels(const core::Batch& batch, std::int64_t classes) const;

    const core::TrainOptions& m_options;
    Network& m_network;
    Optimizer& m_optimizer;
    std::shared_ptr<const Workers> m_workers;
    std::optional<GraphExecutor> m_teacher;
};

}  // namespace bitlathe::engine
