#pragma once

#include "core/types/seed.h"
#include "experiments/jobs/job.h"

#include <string>

namespace bitlathe::experiments {

/// Reads or builds a model, folds it, measures its weights and looks for what will make quantization hard.
/// Returns an OpenedModel.
class OpenModelJob final : public Job {
public:
    explicit OpenModelJob(ModelSource source, core::Seed seed = {})
        : m_source(std::move(source)), m_seed(seed) {}

    std::string_view kind() const override { return "open_model"; }
    std::string name() const override;
    JobProduct run(JobScope& scope) override;

private:
    core::Graph readGraph(JobScope& scope) const;

    ModelSource m_source;
    core::Seed m_seed;  ///< of a zoo model's random weights
};

/// Statistics of every weight tensor of the model, one checkpoint a layer.
core::Statistics measureWeights(const core::PreparedModel& model, const core::RunContext& context);

}  // namespace bitlathe::experiments
