#pragma once

#include "core/data/dataset.h"
#include "core/plan/quant_plan.h"
#include "experiments/jobs/job.h"

#include <memory>

namespace bitlathe::experiments {

/// Measures how much error each layer's output carries under a configuration. Returns LayerErrors.
class LayerErrorsJob final : public Job {
public:
    struct Input {
        std::shared_ptr<const core::PreparedModel> model;
        std::shared_ptr<const core::Statistics> statistics;
        core::QuantConfig config;
        core::DataSpec data;
        EvaluateStage stage;  ///< split, samples and batch size
        int threads = 1;
    };
    explicit LayerErrorsJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "layer_errors"; }
    std::string name() const override { return m_input.model->graph.name; }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
