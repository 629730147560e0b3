#include "engine/training/followed_site.h"

#include "core/observers/moving_average_observer.h"
#include "core/observers/range_tracker.h"
#include "core/registry/registry.h"
#include "engine/tensor_bridge.h"
#include "engine/training/quantize_functions.h"
#include "engine/training/workers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <span>
#include <utility>

namespace bitlathe::engine {

namespace {

// TI cuts a hundredth of a percent off each end.
constexpr double kTrackerPercent = 0.01;

std::span<const float> valuesOf(const at::Tensor& dense) {
    return {dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel())};
}

}  // namespace

FollowedActivation::FollowedActivation(core::SiteId id, core::SiteQuant quant, std::vector<core::Range> start,
                                       std::int64_t batchesSeen, std::optional<int> axis,
                                       std::int64_t channelsPerSlice)
    : SiteTrainer(std::move(id)), m_quant(std::move(quant)),
      m_quantizer(core::quantizerRegistry().create(m_quant.quantizer)), m_axis(axis),
      m_channelsPerSlice(channelsPerSlice),
      m_ranges(at::empty({static_cast<std::int64_t>(start.size()), 2}, at::kDouble)),
      m_batches(at::zeros({1}, at::kDouble)) {
    double* at = m_ranges.data_ptr<double>();
    for (const core::Range& range : start) {
        *at++ = range.lower;
        *at++ = range.upper;
    }
    m_batches.data_ptr<double>()[0] = static_cast<double>(batchesSeen);
    const std::string& observer = m_quant.observer.name;
    if (m_quant.manualRange) {
        return;
    }
    if (observer == core::MovingAverageObserver::kName) {
        m_rule = Rule::Average;
        m_weightOfNewest =
            core::resolveParams("observer", core::observerRegistry().info(observer), m_quant.observer.params)
                .at("averaging_constant");
    } else if (observer == core::RangeTrackerObserver::kName) {
        m_rule = Rule::Tracker;
    } else if (observer == "min_max") {
        m_rule = Rule::Extrema;
    }
}

core::Range FollowedActivation::trackedExtrema(const at::Tensor& x) const {
    if (x.dim() != 4 || x.size(2) <= 4 || x.size(3) <= 4) {
        const at::Tensor dense = x.contiguous();
        return core::histogramExtrema(valuesOf(dense), kTrackerPercent);
    }
    // Every second row and column, as TI looks; the offsets walk instead of being drawn, so that a run repeats
    // and every pixel is seen.
    const auto batch = static_cast<std::int64_t>(m_batches.data_ptr<double>()[0]);
    const at::Tensor seen =
        x.slice(2, batch % 2, c10::nullopt, 2).slice(3, batch / 2 % 2, c10::nullopt, 2).contiguous();
    return core::histogramExtrema(valuesOf(seen), kTrackerPercent);
}

std::vector<core::Range> FollowedActivation::extremaOf(const at::Tensor& x) const {
    if (!m_axis) {
        const auto [low, high] = at::aminmax(x);
        return {{low.item().toDouble(), high.item().toDouble()}};
    }
    const core::SliceLayout layout = sliceLayout(x.sizes(), m_axis, m_ranges.size(0));
    const at::Tensor cut = x.contiguous().view({layout.outer, layout.slices, layout.inner});
    const at::Tensor low = at::amin(cut, at::IntArrayRef{0, 2}).to(at::kDouble);
    const at::Tensor high = at::amax(cut, at::IntArrayRef{0, 2}).to(at::kDouble);
    std::vector<core::Range> ranges;
    for (std::int64_t s = 0; s < layout.slices; ++s) {
        ranges.push_back({low.data_ptr<double>()[s], high.data_ptr<double>()[s]});
    }
    return ranges;
}

std::vector<core::Range> FollowedActivation::shared(std::vector<core::Range> own) const {
    if (workers() == nullptr) {
        return own;
    }
    const auto count = static_cast<std::int64_t>(own.size());
    at::Tensor lower = at::empty({count}, at::kDouble);
    at::Tensor upper = at::empty({count}, at::kDouble);
    for (std::int64_t s = 0; s < count; ++s) {
        lower.data_ptr<double>()[s] = own[static_cast<std::size_t>(s)].lower;
        upper.data_ptr<double>()[s] = own[static_cast<std::size_t>(s)].upper;
    }
    workers()->minimum(lower);
    workers()->maximum(upper);
    for (std::int64_t s = 0; s < count; ++s) {
        own[static_cast<std::size_t>(s)] = {lower.data_ptr<double>()[s], upper.data_ptr<double>()[s]};
    }
    return own;
}

void FollowedActivation::followValues(const at::Tensor& x) {
    const at::NoGradGuard noGrad;
    if (m_rule != Rule::Tracker) {
        move(shared(extremaOf(x)));
        return;
    }
    double* const state = m_ranges.data_ptr<double>();
    double& batches = m_batches.data_ptr<double>()[0];
    core::RangeTracker tracker({state[0], state[1]}, static_cast<std::int64_t>(batches));
    const core::Range range = tracker.update(shared({trackedExtrema(x)}).front());
    state[0] = range.lower;
    state[1] = range.upper;
    batches += 1;
}

void FollowedActivation::move(const std::vector<core::Range>& seen) {
    double* const state = m_ranges.data_ptr<double>();
    for (std::size_t s = 0; s < seen.size(); ++s) {
        double& lower = state[2 * s];
        double& upper = state[2 * s + 1];
        if (m_rule == Rule::Extrema) {
            lower = std::min(lower, seen[s].lower);
            upper = std::max(upper, seen[s].upper);
        } else {
            lower = core::MovingAverage(m_weightOfNewest, lower).add(seen[s].lower);
            upper = core::MovingAverage(m_weightOfNewest, upper).add(seen[s].upper);
        }
    }
    m_batches.data_ptr<double>()[0] += 1;
}

bool FollowedActivation::followsExtrema() const {
    return m_rule != Rule::Tracker && !m_axis && workers() == nullptr &&
           m_quantizer->straightThrough() == core::StraightThrough::Clipped;
}

std::optional<core::QParams> FollowedActivation::follow(const core::Range& extrema) {
    if (isFollowing()) {
        move({extrema});
    }
    return isQuantizing() ? std::optional(grid({})) : std::nullopt;
}

at::Tensor FollowedActivation::apply(const at::Tensor& value) {
    const at::Tensor x = value.cpu().to(at::kFloat);
    if (isFollowing()) {
        followValues(x.detach());
    }
    return isQuantizing() ? quantizeOnGrid(x, grid({}), m_quantizer->straightThrough()).to(value.device())
                          : value;
}

core::QParams FollowedActivation::grid(const at::Tensor& /*weight*/) const {
    std::vector<core::Range> ranges;
    const double* const state = m_ranges.data_ptr<double>();
    for (std::int64_t s = 0; s < m_ranges.size(0); ++s) {
        ranges.push_back({state[2 * s], state[2 * s + 1]});
    }
    core::QParams grid = m_quantizer->qparams(ranges, *m_quant.bits, m_axis);
    core::expandGroups(grid, m_channelsPerSlice);
    return grid;
}

void FollowedActivation::addState(NamedTensors& state) {
    state[name() + ".ranges"] = m_ranges;
    state[name() + ".batches"] = m_batches;
}

RefittedWeights::RefittedWeights(core::SiteId id, const core::Layer& layer, core::SiteQuant quant)
    : SiteTrainer(std::move(id)), m_layer(layer), m_quant(std::move(quant)),
      m_rule(core::quantizerRegistry().create(m_quant.quantizer)->straightThrough()) {}

at::Tensor RefittedWeights::apply(const at::Tensor& x) {
    return isQuantizing() ? quantizeOnGrid(x, grid(x), m_rule) : x;
}

core::QParams RefittedWeights::grid(const at::Tensor& weight) const {
    return core::resolveSite(&m_layer, unwrap(weight), id(), m_quant, nullptr);
}

}  // namespace bitlathe::engine
