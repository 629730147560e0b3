#include "core/plan/learned_plan.h"

namespace bitlathe::core {

namespace {

BatchNormMode batchNormOf(const QuantConfig& config, const LayerId& id) {
    const auto found = config.layers.find(id);
    return found == config.layers.end() ? BatchNormMode::Folded : found->second.batchNorm;
}

}  // namespace

const QParams* LearnedPlan::find(const QuantConfig& other, const SiteId& id) const {
    const bool isSame =
        other.postTraining.empty() && other.site(id) == config.site(id) &&
        (id.kind == SiteKind::Output || batchNormOf(other, id.layer) == batchNormOf(config, id.layer));
    return isSame ? plan.find(id) : nullptr;
}

void keepLearnedGrids(QuantPlan& plan, const QuantConfig& config, const LearnedPlan& learned) {
    for (auto& [id, qparams] : plan.sites) {
        if (const QParams* const grid = learned.find(config, id)) {
            qparams = *grid;
        }
    }
}

}  // namespace bitlathe::core
