#pragma once

#include "core/engine/engine.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::tests {

/// A model of resources/models, prepared, with the statistics of 512 training images.
struct CalibratedModel {
    core::PreparedModel model;
    core::Statistics statistics;
};

/// The engine, loaded once, one thread.
core::Engine& engine();
/// Calibrated once a process. `file` as in resources/models, without ".pt".
const CalibratedModel& bundledModel(const std::string& file);

/// What a test quantizes: bits of all weights and outputs; the input has 8.
struct Scheme {
    int weightBits = 8;
    int outputBits = 8;
    core::Granularity::Kind granularity = core::Granularity::Kind::Tensor;
    std::string weightQuantizer = "symmetric";
    std::string outputQuantizer = "affine";
};
/// The scheme on every layer, first and last included.
core::QuantConfig configOf(const core::PreparedModel& model, const Scheme& scheme);
core::QuantPlan planOf(const CalibratedModel& calibrated, const Scheme& scheme);

/// Test images as the model takes them, in batches of at most 128.
core::BatchSource testImages(std::int64_t samples);

/// Engine::forward over all of `images`, logits one sample after another.
std::vector<float> engineLogits(const core::PreparedModel& model, const core::QuantPlan& plan,
                                const core::BatchSource& images);
/// The images themselves, one after another, and their labels.
struct Samples {
    std::vector<float> images;
    std::vector<std::int64_t> labels;
};
Samples samplesOf(const core::BatchSource& images);

/// Exports into a temporary folder and runs the file with ONNX Runtime.
std::vector<float> onnxLogits(const core::PreparedModel& model, const core::QuantPlan& plan,
                              const Samples& samples, bool isOptimized);

/// Share of samples, in percent, whose largest logit is their label's.
double top1Percent(const std::vector<float>& logits, const std::vector<std::int64_t>& labels);

}  // namespace bitlathe::tests
