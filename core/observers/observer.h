#pragma once

#include "core/quantizers/quantizer.h"
#include "core/types/bit_width.h"
#include "core/types/range.h"
#include "core/types/site_statistics.h"

#include <string_view>

namespace bitlathe::core {

/// Finds the range of a tensor from its cached statistics: microseconds, no tensor, no data.
/// Stateless; the statistics hold all state, so one calibration serves every observer.
class Observer {
public:
    virtual ~Observer() = default;

    /// statistics  of one tensor or one slice of it
    /// quantizer, bits  the grid the range is for; only error-minimising observers look at them
    /// returns     a finite range, lower <= upper, in the tensor's units
    /// Errors      NotCalibrated: statistics are empty.
    virtual Range range(const SiteStatistics& statistics, const Quantizer& quantizer,
                        BitWidth bits) const = 0;

    /// True when range() reads nothing but minimum and maximum: then it also serves per-channel activations,
    /// of which calibration keeps the extrema alone.
    virtual bool needsOnlyExtrema() const noexcept { return false; }
};

/// Errors  NotCalibrated: statistics are empty; `observer` names who asked.
void requireCalibrated(const SiteStatistics& statistics, std::string_view observer);

}  // namespace bitlathe::core
