#pragma once

#include "core/device/budget.h"
#include "core/engine/engine.h"
#include "core/plan/quant_plan.h"
#include "experiments/records/run_record.h"

#include <vector>

namespace bitlathe::experiments {

/// Mean bits of a configuration; a float site counts 32.
struct MeanBits {
    double weights = 0;     ///< weighted by parameters
    double activations = 0; ///< weighted by elements of the outputs
};
MeanBits meanBits(const core::PreparedModel& model, const core::QuantConfig& config);

/// Top-1 with its 95 % Wilson interval, loss, images per second.
std::vector<core::Metric> evaluationMetrics(const core::EvaluationResult& result);
std::vector<core::Metric> budgetMetrics(const core::Budget& budget, const MeanBits& bits);

/// Per site: bits, representable range, SQNR (estimated from the calibration's histogram, exact for weights).
/// Per layer: ROM and RAM bytes. `statistics` may be null (nothing was calibrated); its sites then have no
/// SQNR.
std::vector<LayerStatistic> layerReport(const core::PreparedModel& model, const core::QuantConfig& config,
                                        const core::QuantPlan& plan, const core::Budget& budget,
                                        const core::Statistics* statistics);
std::vector<LayerStatistic> layerErrorReport(const std::vector<core::LayerError>& errors);

} // namespace bitlathe::experiments
