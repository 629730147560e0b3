#pragma once

#include "core/types/param_values.h"
#include "core/types/quant_config.h"
#include "experiments/jobs/job.h"

#include <memory>
#include <string>

namespace bitlathe::experiments {

/// Writes a configuration in some engine's format. Needs no tensor engine. Returns ExportedFiles.
/// Errors  InvalidConfig listing every blocking check, before anything is written; Io.
class ExportJob final : public Job {
public:
    struct Input {
        std::shared_ptr<const core::PreparedModel> model;
        std::shared_ptr<const core::Statistics> statistics;
        core::QuantConfig config;
        core::MethodSpec exporter{"onnx_qdq", {}};
        std::string folder;
    };
    explicit ExportJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "export"; }
    std::string name() const override { return m_input.exporter.name + " " + m_input.model->graph.name; }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
