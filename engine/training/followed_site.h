#pragma once

#include "engine/training/site_trainer.h"

#include <optional>
#include <vector>

namespace bitlathe::engine {

/// An activation whose grid follows what its observer sees of each training batch (README eq. 7 and 34); an
/// observer that has no running form (percentile, KL, ...) keeps the range it found in calibration.
class FollowedActivation final : public SiteTrainer {
public:
    FollowedActivation(core::SiteId id, core::SiteQuant quant, std::vector<core::Range> start,
                       std::int64_t batchesSeen, std::optional<int> axis, std::int64_t channelsPerSlice);

    at::Tensor apply(const at::Tensor& x) override;
    bool followsExtrema() const override;
    std::optional<core::QParams> follow(const core::Range& extrema) override;
    core::QParams grid(const at::Tensor& weight) const override;
    void addState(NamedTensors& state) override;

private:
    enum class Rule { Average, Tracker, Extrema, Fixed };

    bool isFollowing() const noexcept { return m_rule != Rule::Fixed && !isRangeFrozen(); }
    void followValues(const at::Tensor& x);
    /// One batch whose slices have these extrema; not for a tracker.
    void move(const std::vector<core::Range>& seen);
    std::vector<core::Range> extremaOf(const at::Tensor& x) const;
    /// What all workers saw together.
    std::vector<core::Range> shared(std::vector<core::Range> own) const;
    core::Range trackedExtrema(const at::Tensor& x) const;

    core::SiteQuant m_quant;
    std::unique_ptr<core::Quantizer> m_quantizer;
    std::optional<int> m_axis;
    std::int64_t m_channelsPerSlice;
    Rule m_rule = Rule::Fixed;
    double m_weightOfNewest = 0;
    at::Tensor m_ranges;   ///< slices × 2, double: the state
    at::Tensor m_batches;  ///< one number, double
};

/// Weights whose grid is found anew from the weights in every step.
class RefittedWeights final : public SiteTrainer {
public:
    RefittedWeights(core::SiteId id, const core::Layer& layer, core::SiteQuant quant);

    at::Tensor apply(const at::Tensor& x) override;
    core::QParams grid(const at::Tensor& weight) const override;

private:
    const core::Layer& m_layer;
    core::SiteQuant m_quant;
    core::StraightThrough m_rule;
};

}  // namespace bitlathe::engine
