#pragma once

namespace bitlathe::core {

/// What calibration keeps of each channel of an activation. The extrema serve min-max ranges; every other observer
/// per channel needs the histograms and sums (SiteStatistics::channels), which cost more than the tensor's own.
enum class ChannelDetail { Extrema, Histograms };

}  // namespace bitlathe::core
