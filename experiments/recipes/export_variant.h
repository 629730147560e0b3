#pragma once

#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"
#include "experiments/recipes/recipe.h"
#include "experiments/records/run_record.h"

#include <string>
#include <vector>

namespace bitlathe::experiments {

/// A name as a file name: "W4A8 per channel" -> "w4a8_per_channel".
std::string fileNameOf(const std::string& name);

/// Where a stage writes this variant: its folder, with a folder per variant inside when it exports every one.
std::string exportFolder(const ExportStage& stage, const std::string& variant);

/// Checks (remarks go to the log window, blocking ones are an error), writes, and describes the files.
/// Errors  InvalidConfig: unknown format or parameter, or the format cannot hold this plan (lists why); Io.
std::vector<Artefact> exportPlan(const core::PreparedModel& model, const core::QuantPlan& plan,
                                 const core::MethodSpec& exporter, const std::string& folder);

/// Size and hash of a file just written.
Artefact describeArtefact(const std::string& kind, const std::string& path);

}  // namespace bitlathe::experiments
