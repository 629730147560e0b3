#pragma once

#include "core/engine/post_training_engine.h"
#include "core/ptq/post_training.h"

#include <string_view>

namespace bitlathe::core {

/// Takes the shift that quantization puts on the mean of each output channel out again, through the bias (or the β of a
/// batch norm that is kept). README eq. 49 to 51.
///
///   empirical    bias += E[y] - E[ŷ], both measured on the calibration images, layer by layer: every layer's inputs come
///                from layers that are corrected already. Sees every error, that of activations too.
///   statistics   bias -= sum over inputs of (Ŵ - W) E[x], E[x] measured on the float model
///   batch_norm   the same with E[x] from batch norm (a normal sent through the activation) where the values allow it;
///                measured where they do not
/// Source  Nagel et al. 2019, arXiv:1906.04721, section 4.2 and appendix D.
class BiasCorrection final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "bias_correction";

    enum class Form { Empirical, Statistics, BatchNorm };

    explicit BiasCorrection(Form form) : m_form(form) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Biases; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    Form m_form;
};

/// TI's advanced calibration: while images pass, a share of the difference between the float model's channel means and
/// the quantized one's is added to each bias, and later layers see the result within the same batch (README eq. 53).
/// Source  edgeai-torchvision xnn, QuantCalibrateModule; it takes about 1000 batches with factor 0.05.
class AdvancedCalibration final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "advanced_calibration";

    explicit AdvancedCalibration(const BiasAdjustment& options) : m_options(options) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Biases; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    BiasAdjustment m_options;
};

}  // namespace bitlathe::core
