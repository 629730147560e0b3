#pragma once

#include "core/data/dataset.h"
#include "experiments/jobs/job.h"

#include <memory>
#include <string>

namespace bitlathe::experiments {

/// Collects the statistics of every site, or finds them in the log's cache, which recipes share. Returns a
/// Calibration.
class CalibrateJob final : public Job {
public:
    struct Input {
        std::shared_ptr<const core::PreparedModel> model;
        core::DataSpec data;
        CalibrateStage stage;
        core::Seed seed;  ///< chooses the images when the stage takes fewer than all
        int threads = 1;
        std::string logPath;  ///< cache of statistics
    };
    explicit CalibrateJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "calibrate"; }
    std::string name() const override { return m_input.model->graph.name; }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
