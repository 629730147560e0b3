#pragma once

#include "core/types/histogram.h"
#include "core/types/qparams.h"

#include <vector>

namespace bitlathe::core {

/// What one level of a quantizer stands for.
struct LevelShare {
    double level = 0;  ///< the dequantized value, tensor units
    double count = 0;  ///< values that become it
};

/// A tensor seen through a quantizer: how its values spread over the levels, and where the error comes from.
struct LevelProfile {
    std::vector<LevelShare> levels;  ///< ascending, one per code
    double roundingError = 0;        ///< mean squared error of values between the outermost levels
    double clippingError = 0;        ///< of values beyond them; the sum is README eq. 5
};

/// Values are taken as uniform within their bin, exact zeros as zero: what quantizationError of a histogram
/// assumes as well. Cost: one pass over bins and levels.
/// qparams  per tensor (slice 0 is used), any grid
LevelProfile levelProfile(const Histogram& histogram, const QParams& qparams);

/// The levels of one slice, ascending: one per code, whatever the grid.
std::vector<double> levelValues(const QParams& qparams, std::size_t channel = 0);

}  // namespace bitlathe::core
