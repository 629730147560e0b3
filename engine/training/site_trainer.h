#pragma once

#include "core/engine/engine.h"
#include "engine/training/network.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::engine {

/// One tensor of a network that is quantized while it trains. Which kind of it a site gets, its quantizer
/// says: one that learns (Quantizer::trainable) owns parameters, the others follow the data.
class SiteTrainer {
public:
    explicit SiteTrainer(core::SiteId id) : m_id(std::move(id)) {}
    virtual ~SiteTrainer() = default;

    const core::SiteId& id() const noexcept { return m_id; }
    /// "stem.conv.weight", "blocks.0.add.output": the front of the names of parameters and state.
    std::string name() const;

    /// The fake-quantized value, differentiable. In training; ranges that follow the data move.
    virtual at::Tensor apply(const at::Tensor& x) = 0;
    /// True when the extrema of a value are all that apply() would look at, and all slices share one grid: then
    /// follow() and fake-quantization on its grid (README eq. 76) are what apply() does.
    virtual bool followsExtrema() const { return false; }
    /// Moves the range as apply() would. The grid to quantize the value on; empty: it stays as it is.
    virtual std::optional<core::QParams> follow(const core::Range& /*extrema*/) { return std::nullopt; }
    /// The grid as it stands. weight  the tensor quantized; undefined for activations
    virtual core::QParams grid(const at::Tensor& weight) const = 0;
    /// Starts anew on another form of the weights (README eq. 83).
    virtual void refit(const at::Tensor& /*weight*/) {}
    virtual std::vector<Parameter> parameters(const core::TrainOptions& /*options*/) { return {}; }
    /// Keeps learned parameters within their domain after the optimizer's step.
    virtual void endStep() {}
    virtual void addState(NamedTensors& /*state*/) {}

    void setRangeFrozen(bool isFrozen) noexcept { m_isRangeFrozen = isFrozen; }
    /// Ranges that follow the data follow that of all workers. Null: of this process alone.
    void setWorkers(std::shared_ptr<const Workers> workers) { m_workers = std::move(workers); }
    /// False: values pass, ranges still follow (a delayed start).
    void setQuantizing(bool isQuantizing) noexcept { m_isQuantizing = isQuantizing; }

protected:
    bool isRangeFrozen() const noexcept { return m_isRangeFrozen; }
    bool isQuantizing() const noexcept { return m_isQuantizing; }
    const std::shared_ptr<const Workers>& workers() const noexcept { return m_workers; }

private:
    std::shared_ptr<const Workers> m_workers;
    core::SiteId m_id;
    bool m_isRangeFrozen = false;
    bool m_isQuantizing = true;
};

/// For an output (or the graph input). statistics  of the site; range  of an earlier run's grid, or null
std::unique_ptr<SiteTrainer> makeActivationTrainer(const core::Layer* layer, const core::SiteId& id,
                                                   const core::SiteQuant& quant,
                                                   const core::SiteStatistics* statistics,
                                                   const core::QParams* start);
/// For the weights of a layer, `weight` in the form that is quantized.
std::unique_ptr<SiteTrainer> makeWeightTrainer(const core::Layer& layer, const core::SiteQuant& quant,
                                               const at::Tensor& weight);

}  // namespace bitlathe::engine
