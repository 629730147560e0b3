#pragma once

#include "core/analysis/coding_cost.h"
#include "core/analysis/level_profile.h"
#include "ui/document/quant_document.h"

#include <optional>
#include <vector>

namespace bitlathe::ui {

/// Everything needed to compute a SiteState, by value: fit for a worker.
struct SiteQuestion {
    std::shared_ptr<const core::PreparedModel> model;
    core::SiteId id;
    core::SiteQuant quant;
    std::shared_ptr<const core::Statistics> statistics;  ///< that hold the site's; null: none
    std::optional<core::QParams>
        learned;  ///< grid a training arrived at, in place of the observer's; empty: none
};

/// Ranges and error of one site. Never throws: a refusal becomes the state's problem text.
SiteState evaluateSite(const SiteQuestion& question);

/// Weights evaluateSite would have to read one by one: 0 where cached statistics answer alone.
std::int64_t weightsToRead(const SiteQuestion& question);

/// A point of the error curve: the site clipped at `bound` (upper bound; symmetric grids clip both sides).
struct ErrorCurvePoint {
    double bound = 0;
    double sqnrDb = 0;
    double meanSquaredError = 0;
    double roundingError = 0;  ///< the part made inside the range
    double clippingError = 0;  ///< and the part made outside it
};

/// Error of a per-tensor site over its upper clip, the lower one kept; `points` bounds up to the largest
/// magnitude seen. Empty where the quantizer refuses a range (its own problem text says why).
std::vector<ErrorCurvePoint> errorCurve(const SiteQuestion& question, double lower, int points);

/// The range a registered observer would choose for the site, and what that would cost.
struct ObserverChoice {
    std::string name;
    QString title;
    QString shortTitle;  ///< for a mark on a curve: "KL", "min max"
    core::Range range;
    double meanSquaredError = 0;
    double roundingError = 0;
    double clippingError = 0;
    double clippedShare = 0;  ///< of the values, 0..1
};

/// In the order of the registry. Observers that cannot judge the site are left out.
std::vector<ObserverChoice> observerChoices(const SiteQuestion& question);

/// How the values of a site spread over the levels of its grid. Per channel, where every slice has levels of
/// its own: the exact dequantized weights, binned. Empty where nothing is known.
std::vector<core::LevelShare> levelShares(const SiteQuestion& question, const core::QParams& qparams);

/// What a lossless coder would make of the site's codes: exact for weights, from the histogram (and for one
/// sample) for activations. Empty for float, uncalibrated and refused sites.
std::optional<core::CodingCost> codingCost(const SiteQuestion& question);

}  // namespace bitlathe::ui
