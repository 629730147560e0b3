#pragma once

#include "core/types/quant_config.h"

namespace bitlathe::core {

/// What calibration keeps of each channel of an activation. The extrema serve min-max ranges; every other observer
/// per channel needs the histograms and sums (SiteStatistics::channels), which cost more than the tensor's own.
enum class ChannelDetail { Extrema, Histograms };

/// What the configuration needs: histograms once an activation has a scale per channel or group, or a method equalizes
/// channels.
ChannelDetail channelDetailFor(const QuantConfig& config) noexcept;

}  // namespace bitlathe::core
