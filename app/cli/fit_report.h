#pragma once

#include "core/exporters/target_budget.h"
#include "core/search/fit.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace bitlathe::cli {

/// What a fit came to, with what it was asked.
struct FitReport {
    std::string modelPath;
    core::PreparedModel model;
    core::Device device;  ///< a named one, or made of --rom and --ram
    core::FitRequest request;
    core::FitResult result;
    core::TargetBudget target;  ///< of result.config, as exported in C, too
    std::string costs;          ///< where the costs come from, for people
    double searchMs = 0;
    std::vector<core::SearchResult> front;  ///< empty: not asked for
};

nlohmann::json fitToJson(const FitReport& report);
std::string fitText(const FitReport& report);

}  // namespace bitlathe::cli
