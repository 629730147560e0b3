#pragma once

#include "core/quantizers/trainable_quantizer.h"
#include "engine/training/site_trainer.h"

namespace bitlathe::engine {

/// A site whose quantizer learns. Its parameters are leaves of the autograd graph; README eq. 77.
class LearnedSite final : public SiteTrainer {
public:
    /// Where the parameters start: the quantizer fitted to a tensor.
    struct Start {
        std::shared_ptr<const core::TrainableQuantizer> quantizer;
        std::int64_t slices = 1;
        std::int64_t channelsPerSlice = 1;
        std::optional<int> axis;
    };
    /// Null when the quantizer learns nothing.
    using Fit = std::function<std::optional<Start>(const at::Tensor& weight)>;

    LearnedSite(core::SiteId id, Start start, Fit fit);

    at::Tensor apply(const at::Tensor& x) override;
    core::QParams grid(const at::Tensor& weight) const override;
    void refit(const at::Tensor& weight) override;
    std::vector<Parameter> parameters(const core::TrainOptions& options) override;
    void endStep() override;
    void addState(NamedTensors& state) override;

private:
    void reset(const Start& start);
    std::vector<at::Tensor> values() const;

    Start m_start;
    Fit m_fit;
    std::vector<at::Tensor> m_parameters;
};

}  // namespace bitlathe::engine
