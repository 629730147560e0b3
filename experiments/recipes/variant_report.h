#pragma once

#include "core/deploy/deployment_report.h"
#include "core/device/budget.h"
#include "core/engine/engine.h"
#include "core/ptq/post_training.h"
#include "experiments/records/run_record.h"

#include <vector>

namespace bitlathe::experiments {

/// Mean bits of a configuration; a float site counts 32.
struct MeanBits {
    double weights = 0;      ///< weighted by parameters
    double activations = 0;  ///< weighted by elements of the outputs
};
MeanBits meanBits(const core::PreparedModel& model, const core::QuantConfig& config);
/// The same, counting the bits of each channel where a method has shared them out.
MeanBits meanBits(const core::PreparedModel& model, const core::QuantConfig& config,
                  const core::ChannelBits& channelBits);

/// Top-1 with its 95 % Wilson interval, loss, images per second.
std::vector<core::Metric> evaluationMetrics(const core::EvaluationResult& result);
/// Top-1 of the float and the integer model, loss and speed of the latter, and what became of its codes.
std::vector<core::Metric> integerMetrics(const core::EvaluationResult& floating,
                                         const core::DeploymentReport& report);
std::vector<LayerStatistic> integerLayerReport(const core::DeploymentReport& report);
std::vector<core::Metric> budgetMetrics(const core::Budget& budget, const MeanBits& bits);

/// Per site: bits, representable range, SQNR (estimated from the calibration's histogram, exact for weights:
/// against the float model's, after everything post-training methods did). Per layer: ROM and RAM bytes. Sites
/// without statistics have no SQNR.
std::vector<LayerStatistic> layerReport(const core::QuantizedModel& quantized,
                                        const core::QuantConfig& config, const core::Budget& budget);
std::vector<LayerStatistic> layerErrorReport(const std::vector<core::LayerError>& errors);

}  // namespace bitlathe::experiments
