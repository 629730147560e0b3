#pragma once

#include "core/types/site_statistics.h"

#include <cstdint>
#include <span>

namespace bitlathe::core {

/// Extrema and moments of a run of values. Sums are doubles in a fixed order: the same values in the same
/// runs give the same bits, however many threads share the work.
struct Moments {
    std::uint64_t count = 0;
    float minimum = 0;  ///< undefined for count 0
    float maximum = 0;
    double sum = 0;
    double sumOfSquares = 0;
    double sumOfMagnitudes = 0;
    bool isFinite = true;  ///< false: NaN or Inf somewhere; nothing else is meaningful

    void add(const Moments& other) noexcept;
};

/// One vectorised pass.
Moments moments(std::span<const float> values) noexcept;

/// What calibration keeps of a tensor stored contiguously: `outer` blocks of `channels` runs of `inner`
/// values. Fills everything but `samples` and the sums over samples; batchRanges gets one entry, `channels` stay
/// empty for one channel. Errors  NonFiniteInput: NaN or Inf;
/// the text gives the channel. ShapeMismatch: sizes do not multiply to values.size().
SiteStatistics collectStatistics(std::span<const float> values, std::int64_t outer, std::int64_t channels,
                                 std::int64_t inner);

}  // namespace bitlathe::core
