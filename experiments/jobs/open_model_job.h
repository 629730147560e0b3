#pragma once

#include "core/types/seed.h"
#include "experiments/jobs/job.h"

#include <string>

namespace bitlathe::experiments {

/// Reads or builds a model, folds it, measures its weights and looks for what will make quantization hard.
/// Returns an OpenedModel.
class OpenModelJob final : public Job {
public:
    /// logPath  read where the source is a run of the log
    explicit OpenModelJob(ModelSource source, core::Seed seed = {}, std::string logPath = {})
        : m_source(std::move(source)), m_seed(seed), m_logPath(std::move(logPath)) {}

    std::string_view kind() const override { return "open_model"; }
    std::string name() const override;
    JobProduct run(JobScope& scope) override;

private:
    core::Graph readGraph(JobScope& scope, OpenedModel& opened) const;

    ModelSource m_source;
    core::Seed m_seed;  ///< of a zoo model's random weights
    std::string m_logPath;
};

/// Statistics of every weight tensor of the model, one checkpoint a layer.
core::Statistics measureWeights(const core::PreparedModel& model, const core::RunContext& context);

}  // namespace bitlathe::experiments
