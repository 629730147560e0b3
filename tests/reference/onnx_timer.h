#pragma once

#include "core/types/shape.h"

#include <memory>
#include <string>

namespace bitlathe::tests {

/// ONNX Runtime in a process of its own that runs batches when asked to, for races turn by turn.
class OnnxTimer {
public:
    /// shape  C,H,W. Errors  std::runtime_error as runOnnx.
    OnnxTimer(const std::string& modelPath, const core::Shape& shape, int batch, int threads);
    ~OnnxTimer();
    OnnxTimer(OnnxTimer&&) noexcept;

    /// Median milliseconds of one batch, from batches run for about `ms`.
    double medianMs(int ms);

private:
    struct Process;
    std::unique_ptr<Process> m_process;
};

/// Folder with node_modules/onnxruntime-node. Errors  std::runtime_error saying how to get it.
std::string judgesFolderChecked();

}  // namespace bitlathe::tests
