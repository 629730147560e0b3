#pragma once

#include "core/types/shape.h"

#include <span>
#include <string>
#include <vector>

namespace bitlathe::tests {

/// ONNX Runtime as the judge of exported models: a Node.js process around the npm package onnxruntime-node,
/// which
/// `./bitlathe.sh test` installs into build/judges (another folder: environment variable BITLATHE_JUDGES).
enum class OnnxOptimization {
    Disabled, ///< Q and DQ compute as written, in float
    All,      ///< fused to integer kernels where ONNX Runtime can
};

/// The first output of every sample, one after another. `samples` holds whole samples of `shape` (C,H,W).
/// Errors  std::runtime_error saying what is missing and how to install it, or what ONNX Runtime complains
/// about.
std::vector<float> runOnnx(const std::string& modelPath, std::span<const float> samples,
                           const core::Shape& shape, OnnxOptimization optimization);

} // namespace bitlathe::tests
