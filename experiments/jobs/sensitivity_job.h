#pragma once

#include "core/search/sensitivity.h"
#include "experiments/jobs/job.h"
#include "experiments/jobs/quantized_model.h"

#include <vector>

namespace bitlathe::experiments {

/// Asks the model what quantizing each site alone at each width does. Returns MeasuredSensitivity.
class SensitivityJob final : public Job {
public:
    struct Input {
        ConfiguredModel source;  ///< its post-training methods are left out: they depend on the bits
        EvaluateStage stage;     ///< split, samples and batch size
        std::vector<int> bits{8, 7, 6, 5, 4, 3, 2};
    };
    explicit SensitivityJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "sensitivity"; }
    std::string name() const override { return m_input.source.model->graph.name; }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
