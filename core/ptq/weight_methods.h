#pragma once

#include "core/ptq/post_training.h"
#include "core/ptq/weight_correction.h"

#include <string_view>

namespace bitlathe::core {

/// Pulls in weights far beyond the bulk before ranges are taken (constrainWeights; TI's weight constraint).
/// Works on the weights as the model holds them, so with batch norm in them where it is folded. The float model changes.
class WeightClipping final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "weight_clipping";

    WeightClipping(double ratio, double value) : m_ratio(ratio), m_value(value) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Model; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    double m_ratio;
    double m_value;
};

/// Restores each output channel's mean, and on request its deviation, after quantization (README eq. 25). The gain joins
/// the grid's scale, one per channel; what is to be added stays in QuantPlan::weightAffine, where there is any: integer
/// models have no place for it, ONNX adds it to the dequantized weights. Source  Banner et al. 2019, arXiv:1810.05723, section 5.
/// Errors  InvalidConfig: both corrections off.
class WeightStatisticsCorrection final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "weight_correction";

    explicit WeightStatisticsCorrection(const WeightCorrection& correction);

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Weights; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    WeightCorrection m_correction;
};

}  // namespace bitlathe::core
