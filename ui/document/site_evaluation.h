#pragma once

#include "ui/document/quant_document.h"

#include <vector>

namespace bitlathe::ui {

/// Everything needed to compute a SiteState, by value: fit for a worker.
struct SiteQuestion {
    std::shared_ptr<const core::PreparedModel> model;
    core::SiteId id;
    core::SiteQuant quant;
    std::shared_ptr<const core::Statistics> statistics;  ///< that hold the site's; null: none
};

/// Ranges and error of one site. Never throws: a refusal becomes the state's problem text.
SiteState evaluateSite(const SiteQuestion& question);

/// Weights evaluateSite would have to read one by one: 0 where cached statistics answer alone.
std::int64_t weightsToRead(const SiteQuestion& question);

/// A point of the error curve: the site clipped at `bound` (upper bound; symmetric grids clip both sides).
struct ErrorCurvePoint {
    double bound = 0;
    double sqnrDb = 0;
};

/// SQNR of a per-tensor site over its upper clip, the lower one kept; `points` bounds up to the largest
/// magnitude seen.
std::vector<ErrorCurvePoint> errorCurve(const SiteQuestion& question, double lower, int points);

/// The range each registered observer would choose for the site, with its title.
struct ObserverChoice {
    std::string name;
    std::string title;
    core::Range range;
};
std::vector<ObserverChoice> observerChoices(const SiteQuestion& question);

}  // namespace bitlathe::ui
