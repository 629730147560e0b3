#pragma once

#include "core/ptq/post_training.h"
#include "core/types/metric.h"
#include "experiments/records/run_record.h"

#include <vector>

namespace bitlathe::experiments {

/// What the quantized sites of a run would take with a code of their own (core/analysis/site_entropy.h), beside their
/// plain size: per site in the rows, in total in the metrics.
struct EntropyReport {
    std::vector<LayerStatistic> rows;
    std::vector<core::Metric> metrics;  ///< none where nothing is quantized
};

/// Weights exactly; activations from the calibration's histograms, for one image. Sites without statistics are left
/// out.
EntropyReport entropyReport(const core::QuantizedModel& quantized);

}  // namespace bitlathe::experiments
