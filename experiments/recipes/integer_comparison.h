#pragma once

#include "core/deploy/deployment_report.h"
#include "experiments/store/experiment_log.h"

#include <optional>
#include <vector>

namespace bitlathe::experiments {

/// What a run's integer model came to beside its fake-quantized one, as the log keeps it (variant_report.h writes it).
struct IntegerComparison {
    core::Metric floating;   ///< top-1, %, with samples and 95 % interval
    core::Metric simulated;  ///< of the fake-quantized model
    core::Metric integer;
    double integerImagesPerSecond = 0;         ///< 0: not measured
    std::int64_t comparedImages = 0;           ///< whose codes were compared
    std::vector<core::LayerAgreement> layers;  ///< in order of execution

    std::int64_t compared() const noexcept;
    std::int64_t differing() const noexcept;
    std::int64_t unexplained() const noexcept;
};

/// Empty: the run has no integer model. Errors  LogError: no such run.
std::optional<IntegerComparison> integerComparison(const ExperimentLog& log, RunId run);

}  // namespace bitlathe::experiments
