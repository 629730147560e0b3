#pragma once

#include "core/data/batches.h"
#include "core/deploy/integer_engine.h"
#include "core/engine/engine.h"
#include "core/plan/quant_plan.h"
#include "core/run/run_context.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bitlathe::core {

/// How the integer model and the fake-quantized one agree at one layer.
struct LayerAgreement {
    LayerId layer;
    std::int64_t compared = 0;   ///< codes, over all compared images
    std::int64_t differing = 0;  ///< of them, when the layer reads the fake-quantized model's own codes
    std::int64_t explained =
        0;  ///< of the differing: the exact value lies nearer to a rounding boundary than
            ///< float32 arithmetic can tell (README eq. 67)
    std::int64_t accumulated = 0;        ///< codes that differ when each model runs on its own from the input
    std::int64_t largestDifference = 0;  ///< of a differing code
    double largestMargin = 0;            ///< farthest such exact value from its boundary, output steps
    double largestBound = 0;     ///< what float32 rounding could be, at the worst of them, output steps
    bool isExact = false;        ///< nothing to round: power-of-two steps, accumulators below 2^24
    std::string reason() const;  ///< one line for people
};

struct DeploymentReport {
    EvaluationResult integer;  ///< of the integer model on all of the data
    std::string kernels;       ///< what IntegerEngine ran on
    std::int64_t arenaBytes = 0;
    std::int64_t comparedImages = 0;
    std::vector<LayerAgreement> layers;  ///< those whose output is codes, in order

    std::int64_t compared() const noexcept;
    std::int64_t differing() const noexcept;
    std::int64_t unexplained() const noexcept;
};

struct DeploymentOptions {
    int threads = 1;
    std::int64_t compareImages = 1000;  ///< the first so many are compared layer by layer; 0: all
};

/// Evaluates the integer model on `data` and holds its codes against those of the fake-quantized model.
/// Memory: all layers' values of one batch as the engine makes them. Errors  as `lower` and Engine::evaluate.
DeploymentReport deploymentReport(Engine& engine, const PreparedModel& model, const QuantPlan& plan,
                                  const BatchSource& data, const DeploymentOptions& options,
                                  const RunContext& context);

/// Top-1, loss and time of the integer model.
EvaluationResult evaluateInteger(IntegerEngine& engine, const BatchSource& data, const RunContext& context);

}  // namespace bitlathe::core
