#pragma once

#include "core/types/param_values.h"
#include "experiments/jobs/job.h"
#include "experiments/jobs/quantized_model.h"

#include <memory>
#include <string>

namespace bitlathe::experiments {

/// Writes a configuration in some engine's format. Needs the tensor engine only where the configuration has
/// post-training methods. Returns ExportedFiles.
/// Errors  InvalidConfig listing every blocking check, before anything is written; Io.
class ExportJob final : public Job {
public:
    struct Input {
        ConfiguredModel source;
        core::MethodSpec exporter{"onnx_qdq", {}};
        std::string folder;
    };
    explicit ExportJob(Input input) : m_input(std::move(input)) {}

    std::string_view kind() const override { return "export"; }
    std::string name() const override {
        return m_input.exporter.name + " " + m_input.source.model->graph.name;
    }
    JobProduct run(JobScope& scope) override;

private:
    Input m_input;
};

}  // namespace bitlathe::experiments
