#pragma once

#include "core/data/batches.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "core/run/run_context.h"
#include "core/types/range.h"
#include "core/types/seed.h"

#include <cstdint>
#include <map>
#include <vector>

namespace bitlathe::core {

/// Moments of a node's values per channel (dim 1), over samples and places.
struct ChannelMoments {
    std::vector<double> mean;
    std::vector<double> deviation;
    std::vector<double> absoluteDeviation;  ///< mean |x - mean|, each batch about its own mean
    std::vector<Range> range;
};

/// How biases are moved towards the float model's means while data passes (README eq. 53).
struct BiasAdjustment {
    double factor = 0.05;  ///< share of the difference that is taken over at each batch
    double decay = 1.0;    ///< factor's factor from one pass to the next
    std::int64_t passes = 1;
};

/// How rounding is learned (README eq. 60).
struct RoundingOptions {
    std::int64_t iterations = 1000;
    std::int64_t batchSize = 32;
    double learningRate = 0.01;    ///< of Adam
    double regularisation = 0.01;  ///< λ
    double warmUp = 0.2;           ///< share of the iterations without regularisation
    double firstExponent = 20;     ///< β, falling in a straight line
    double lastExponent = 2;
    Seed seed;
};

/// The tensor work of post-training methods; Engine::postTraining() gives it. Every method may throw core::Error and
/// Cancelled. The same data, options and threads give the same numbers.
class PostTrainingEngine {
public:
    virtual ~PostTrainingEngine() = default;

    /// Moments of some nodes' values when the model runs under `plan` (an empty plan: float), over all batches. Nodes
    /// behind the last one asked for are not computed. Memory: one batch and the moments.
    virtual std::map<NodeId, ChannelMoments> channelMoments(const PreparedModel& model, const QuantPlan& plan,
                                                            const std::vector<NodeId>& nodes,
                                                            const BatchSource& data,
                                                            const RunContext& context) = 0;

    /// What to add in front of the activation of each layer (preActivationNode), per channel, found by letting the float
    /// model and the quantized one run side by side: README eq. 53, layer by layer within each batch.
    virtual std::map<LayerId, std::vector<double>>
    adjustBiases(const PreparedModel& model, const QuantPlan& plan, const std::vector<LayerId>& layers,
                 const BiasAdjustment& options, const BatchSource& data, const RunContext& context) = 0;

    /// The layer's weights, each rounded down or up on the plan's grid so that the layer's output is as near as may be
    /// to the float model's, with the inputs the quantized model gives it. In the units of the grid. Memory: the layer's
    /// inputs and outputs over all of `data`.
    virtual FloatTensor learnRounding(const PreparedModel& model, const QuantPlan& plan, const Layer& layer,
                                      const RoundingOptions& options, const BatchSource& data,
                                      const RunContext& context) = 0;
};

}  // namespace bitlathe::core
