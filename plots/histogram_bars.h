#pragma once

#include "core/types/histogram.h"
#include "core/types/range.h"

#include <vector>

namespace bitlathe::plots {

/// Neighbouring bins drawn as one bar.
struct HistogramBar {
    double lower = 0;  ///< value of its left edge
    double upper = 0;
    double count = 0;
};

/// How many values a level of the quantizer stands for.
struct LevelCount {
    double value = 0;  ///< tensor units
    double count = 0;
};

/// Joins bins until a bar is some 3 px wide: a power of two of them, counted from zero on the absolute grid,
/// so that panning does not reshuffle them. Exact zeros are in no bar. Empty bars are left out.
/// visible  what the axis shows; bars wholly outside are left out
/// widthPx  of the axis
std::vector<HistogramBar> joinBins(const core::Histogram& histogram, const core::Range& visible,
                                   double widthPx);

/// Largest count among bars, zeros and levels in sight; at least 1.
double highestCount(const core::Histogram& histogram, const std::vector<LevelCount>& levels,
                    const core::Range& visible, double widthPx);

}  // namespace bitlathe::plots
