#pragma once

#include "experiments/jobs/job.h"
#include "experiments/jobs/quantized_model.h"

#include <memory>

namespace bitlathe::experiments {

/// Measures how much error each layer's output carries under a configuration. Returns LayerErrors.
class LayerErrorsJob final : public Job {
public:
    struct Input {
        ConfiguredModel source;
        EvaluateStage stage;  ///< split, samples and batch size
    };
    explicit LayerErrorsJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "layer_errors"; }
    std::string name() const override { return m_input.source.model->graph.name; }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
