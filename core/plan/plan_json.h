#pragma once

#include "core/plan/quant_plan.h"

#include <string>
#include <string_view>

namespace bitlathe::core {

/// A resolved plan as a JSON document, so that ranges, tables and steps that were trained, rounded or corrected
/// can be kept with a run and started from again. Numbers are written so that they read back bit for bit.
///
///   {"format": "bitlathe-plan", "version": 1, "model": "<hash>", "sites": [
///     {"layer": "stem.conv", "site": "weight", "quant_min": -7, "quant_max": 7, "axis": 0,
///      "rounding": "half_even", "scale": [...], "zero_point": [...]},
///     {"layer": "input", "site": "output", ..., "tables": [{"levels": [...], "thresholds": [...]}]}]}
///
/// and, where a plan has them, "batch_norm": [{"layer": ..., "mode": "icn"}] and
/// "weight_affine": [{"layer": ..., "gain": [...], "shift": [...]}].
/// `axis` is absent per tensor, `tables` where the grid is uniform. `model` is PreparedModel::hash.
std::string planToJson(const QuantPlan& plan, const PreparedModel& model);

/// Errors  InvalidConfig: not such a document, a later version, another model's hash, a layer the model does not
/// have, numbers that make no grid; the text names the place.
QuantPlan planFromJson(std::string_view text, const PreparedModel& model);

}  // namespace bitlathe::core
