#pragma once

#include "core/engine/post_training_engine.h"
#include "core/ptq/post_training.h"

#include <string_view>

namespace bitlathe::core {

/// Decides for each weight whether it is rounded down or up so that the layer's output, not the weight, is as near as may
/// be to the float model's: layer by layer, each with the inputs that the quantized layers before it give (README eq. 60).
/// The weights in the model become values of the grid; the plan's grids stay. Deterministic for one seed and thread count.
/// Source  Nagel et al. 2020, arXiv:2004.10568.
/// Errors  InvalidConfig: a layer's weights have no evenly spaced grid, or are corrected off it.
class AdaRound final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "ada_round";

    explicit AdaRound(const RoundingOptions& options) : m_options(options) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Weights; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    RoundingOptions m_options;
};

}  // namespace bitlathe::core
