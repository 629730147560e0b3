#pragma once

#include "core/plan/quant_plan.h"

namespace bitlathe::core {

/// The grids a training arrived at, and the configuration they belong to.
struct LearnedPlan {
    QuantConfig config;
    QuantPlan plan;

    /// The site's grid; null where `config` makes other choices for it than the training had, batch-norm mode of a
    /// weight included: such a site is ranged anew.
    const QParams* find(const QuantConfig& config, const SiteId& id) const;
};

/// Puts the learned grids in place of those `plan` found by observers, site by site. Nothing under post-training
/// methods: they change the weights the grids were learned with.
void keepLearnedGrids(QuantPlan& plan, const QuantConfig& config, const LearnedPlan& learned);

}  // namespace bitlathe::core
