#pragma once

#include "core/engine/engine.h"
#include "engine/graph_executor.h"
#include "engine/optimizers/optimizer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitlathe::engine {

class Workers;

/// State of a training by name, as checkpoints hold it. Tensors are shared, not copied: writing through them
/// changes the network.
using NamedTensors = std::map<std::string, at::Tensor>;

/// A model in training: what the loop needs of it, float or quantized.
class Network {
public:
    /// Float: the graph as it stands. workers  null: this process trains alone; otherwise batch norm uses the
    /// statistics of all workers' images
    /// Errors  InvalidConfig: the options' device is not there.
    Network(const core::Graph& graph, const core::TrainOptions& options,
            std::shared_ptr<const Workers> workers);
    virtual ~Network() = default;

    /// Where images and labels have to be.
    at::Device device() const noexcept { return m_device; }
    /// Logits of a batch, N,classes, with their way back to the parameters.
    at::Tensor logits(const at::Tensor& images) const;
    /// Everything that learns, in a fixed order.
    virtual std::vector<Parameter> parameters(const core::TrainOptions& options);
    /// Called before each step; `epoch` counts from 0 with the batch as its fraction. Returns the front of the
    /// names of parameters whose meaning has changed: the optimizer forgets what it knows of them.
    virtual std::vector<std::string> beginStep(double /*epoch*/) { return {}; }
    /// Called after the optimizer's step: keeps learned ranges legal.
    virtual void endStep() {}

    /// The graph with the present weights.
    core::Graph graph() const;
    /// The grids of its deployed form; empty for float.
    virtual core::QuantPlan plan() const { return {}; }
    virtual std::vector<core::SiteRange> ranges() const { return {}; }
    /// Accuracy of the deployed form.
    virtual core::EvaluationResult evaluate(const core::BatchSource& data,
                                            const core::RunContext& context) const;
    /// Every tensor a training changes but the optimizer's.
    virtual NamedTensors state();
    /// Name of the first node whose value is not finite for these images; "" when all are.
    std::string firstNonFiniteNode(const at::Tensor& images) const;

    const core::Graph& structure() const noexcept { return m_executor.graph(); }

protected:
    core::Precision precision() const noexcept { return m_precision; }
    const std::shared_ptr<const Workers>& workers() const noexcept { return m_workers; }

    GraphExecutor m_executor;

private:
    void moveToDevice();
    void setOperators();

    std::shared_ptr<const Workers> m_workers;
    core::Precision m_precision;
    at::Device m_device;
    core::NodeId m_logits;
};

}  // namespace bitlathe::engine
