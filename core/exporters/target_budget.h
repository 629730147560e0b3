#pragma once

#include "core/device/budget.h"
#include "core/exporters/c_code/c_budget.h"
#include "core/plan/quant_plan.h"

#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core {

struct TargetOptions {
    /// Of the formulas' RAM figure; the exported one is always its own arena.
    RamModel ramModel = RamModel::Lifetimes;
    ArenaRules rules;
    std::vector<ArenaBank> banks;
    CBackend backend = CBackend::Own;
    bool thresholds = false;  ///< LoweringOptions::thresholds
    /// The plan that will be exported; null: made from `statistics`.
    const QuantPlan* plan = nullptr;
    /// Null (and no plan): nominalPlan stands in. Sizes then are those of any weights and ranges, but for ranges that
    /// reach below a relu's zero (the kernels clamp in a row of scratch) and channels that all share one factor.
    const Statistics* statistics = nullptr;
};

/// What a configuration costs on a device, reckoned twice.
struct TargetBudget {
    Budget formulas;        ///< computeBudget: the paper's formulas, any bits and schemes, nothing for layout
    RomSplit formulaSplit;  ///< its ROM; code: what the device reserves
    std::optional<CBudget> exported;  ///< as exported in C, to the byte; empty: `refusal` says why
    RomSplit exportedSplit;
    std::string refusal;  ///< why there is no C of it: the layer, and what to do
    bool isCalibrated =
        false;  ///< the exported figures come from a plan or from statistics, not from nominal ranges

    bool fitsExported(const Device& device) const noexcept;
    /// "as exported in C: ROM 133040 of 524288 B, RAM 19228 of 131072 B: fits", what is over and by how much with the
    /// peak layer, or the refusal.
    std::string exportedVerdict(const Device& device) const;
};

/// Cost of the exported figures: one lowering of the model; on a MobileNetV1-0.25 some milliseconds, on large models as
/// long as quantizing their weights takes: for a worker.
/// model  prepared in any way: what the configuration's batch-norm modes ask for is done here.
/// A model that cannot be exported is no error: TargetBudget::refusal.
TargetBudget targetBudget(const PreparedModel& model, const QuantConfig& config, const Device& device,
                          const TargetOptions& options = {});

/// A plan for sizes alone, for want of data: the graph's weights, ranges of activations by their clamp ([0, 6] behind a
/// relu, [-4, 4] elsewhere), min-max for every observer.
/// Errors  as resolvePlan.
QuantPlan nominalPlan(const PreparedModel& model, const QuantConfig& config);

}  // namespace bitlathe::core
