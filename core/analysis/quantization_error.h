#pragma once

#include "core/types/histogram.h"
#include "core/types/qparams.h"

#include <span>

namespace bitlathe::core {

/// Error of quantizing a tensor (README eq. 5, 6).
struct QuantizationError {
    double meanSquaredError = 0;
    double signalPower = 0;   ///< mean of x²
    double sqnrDb = 0;        ///< 10 log10(signalPower / MSE); +infinity when MSE is 0
    double clippedShare = 0;  ///< share of values outside the outer levels, 0..1
};

/// Estimated from a histogram: values are taken as uniform within their bin, exact zeros as zero. One pass over
/// the bins (a few microseconds): fit to run on every mouse move.
/// qparams  per tensor (slice 0 is used)
QuantizationError quantizationError(const Histogram& histogram, const QParams& qparams);

/// The mean squared error alone, in about half the time: what range searches evaluate hundreds of times.
double meanSquaredError(const Histogram& histogram, const QParams& qparams);

/// Exact, from the values themselves.
QuantizationError quantizationError(std::span<const float> values, const QParams& qparams,
                                    std::size_t channel = 0);

}  // namespace bitlathe::core
