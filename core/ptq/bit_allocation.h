#pragma once

#include "core/observers/analytic_clip.h"
#include "core/ptq/channel_bit_allocation.h"
#include "core/ptq/post_training.h"

#include <span>
#include <string_view>

namespace bitlathe::core {

/// How bits are shared among the channels of one tensor.
struct BitSharing {
    enum class Rule { Published, Greedy };

    Rule rule = Rule::Published;
    BitRounding rounding = BitRounding::Nearest;  ///< of the published rule
    double target = 0;                            ///< mean bits of a channel; 0: the site's own bits
    ClipPrior prior = ClipPrior::Gauss;           ///< what `spread` is the scale of; the greedy rule asks

    /// Bits of each channel, 0 to 8 (README eq. 24).
    std::vector<int> share(std::span<const double> spread, int siteBits) const;
};

/// Gives each output channel's weights as many bits as their deviation deserves, the mean over channels staying what was
/// asked for. A channel's range is what the site's observer finds for it; its grid the site's quantizer's for its own
/// bits. Weights are clipped to that grid's ends, so the plan needs one pair of code limits for all (README eq. 54). A
/// channel of 0 bits becomes its mean. Works on layers with weights quantized per channel; QuantPlan::channelBits
/// keeps what each has.
/// Source  Banner et al. 2019, arXiv:1810.05723, section 4. Where the authors' code turns 0 bits into the channel's minimum
/// and does nothing above 4 bits, this does not.
/// Errors  InvalidConfig: no layer has weights quantized per channel on an evenly spaced grid.
class WeightBitAllocation final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "weight_bit_allocation";

    explicit WeightBitAllocation(const BitSharing& sharing) : m_sharing(sharing) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Grids; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    BitSharing m_sharing;
};

/// The same for outputs quantized per channel, each clipped analytically for its own bits (README eq. 23 and 55): with µ,
/// b (or σ) of the channel in front of its activation and c the clip in units of b for 2^M levels,
///   one-sided  [0, max(µ, 0) + c b]        two-sided  [µ - c b, µ + c b]
/// cut to what calibration saw (the authors' code is not). Levels are stored as tables: integer engines cannot run them.
/// Errors  InvalidConfig: no layer has an output quantized per channel.
class ActivationBitAllocation final : public PostTrainingMethod {
public:
    static constexpr std::string_view kName = "activation_bit_allocation";

    enum class Clip { Analytic, None };

    ActivationBitAllocation(const BitSharing& sharing, Clip clip) : m_sharing(sharing), m_clip(clip) {}

    PostTrainingPhase phase() const noexcept override { return PostTrainingPhase::Grids; }
    void apply(PostTrainingState& state, const PostTrainingTools& tools) const override;

private:
    BitSharing m_sharing;
    Clip m_clip;
};

}  // namespace bitlathe::core
