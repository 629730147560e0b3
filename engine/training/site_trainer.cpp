#include "engine/training/site_trainer.h"

#include "core/plan/quant_plan.h"
#include "core/registry/registry.h"
#include "core/types/error.h"
#include "engine/tensor_bridge.h"
#include "engine/training/followed_site.h"
#include "engine/training/learned_site.h"

#include <utility>

namespace bitlathe::engine {

namespace {

std::optional<LearnedSite::Start> learnedStart(const core::SiteFit& fit, const core::SiteQuant& quant) {
    std::shared_ptr<const core::TrainableQuantizer> quantizer =
        core::quantizerRegistry().create(quant.quantizer)->trainable(fit.input, *quant.bits);
    if (quantizer == nullptr) {
        return std::nullopt;
    }
    return LearnedSite::Start{std::move(quantizer), static_cast<std::int64_t>(fit.input.slices.size()),
                              fit.channelsPerSlice, fit.axis};
}

/// The ranges of an earlier run's grid instead of those of the statistics.
void startFrom(const core::QParams& grid, core::SiteFit& fit) {
    for (std::size_t s = 0; s < fit.input.slices.size(); ++s) {
        const std::size_t entry =
            grid.isPerChannel() ? s * static_cast<std::size_t>(fit.channelsPerSlice) : 0;
        if (entry >= grid.slices()) {
            return;  // cut otherwise than this one
        }
        fit.input.slices[s] = {{grid.representableLower(entry), grid.representableUpper(entry)}, {}, nullptr};
    }
}

}  // namespace

std::string SiteTrainer::name() const {
    return m_id.layer.str() + (m_id.kind == core::SiteKind::Weight ? ".weight" : ".output");
}

std::unique_ptr<SiteTrainer> makeActivationTrainer(const core::Layer* layer, const core::SiteId& id,
                                                   const core::SiteQuant& quant,
                                                   const core::SiteStatistics* statistics,
                                                   const core::QParams* start) {
    core::SiteFit fit = core::fitSite(layer, {}, id, quant, statistics);
    if (start != nullptr) {
        startFrom(*start, fit);
    }
    if (const auto learned = learnedStart(fit, quant)) {
        return std::make_unique<LearnedSite>(id, *learned, [](const at::Tensor&) { return std::nullopt; });
    }
    const auto seen = statistics == nullptr ? 0 : static_cast<std::int64_t>(statistics->batchRanges.size());
    return std::make_unique<FollowedActivation>(id, quant, fit.input.ranges(), seen, fit.axis,
                                                fit.channelsPerSlice);
}

std::unique_ptr<SiteTrainer> makeWeightTrainer(const core::Layer& layer, const core::SiteQuant& quant,
                                               const at::Tensor& weight) {
    const core::SiteId id{layer.id, core::SiteKind::Weight};
    LearnedSite::Fit fit = [&layer, quant, id](const at::Tensor& tensor) {
        const core::FloatTensor values = unwrap(tensor);
        return learnedStart(core::fitSite(&layer, values, id, quant, nullptr), quant);
    };
    if (const auto learned = fit(weight)) {
        return std::make_unique<LearnedSite>(id, *learned, std::move(fit));
    }
    return std::make_unique<RefittedWeights>(id, layer, quant);
}

}  // namespace bitlathe::engine
