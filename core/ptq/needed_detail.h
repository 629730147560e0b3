#pragma once

#include "core/types/channel_detail.h"
#include "core/types/quant_config.h"

namespace bitlathe::core {

/// What calibration for the configuration has to keep of the channels: histograms once an activation has a scale per
/// channel or group, or a post-training method reads them (PostTrainingMethod::channelDetail).
/// Errors  InvalidConfig: unknown post-training method or parameter.
ChannelDetail channelDetailFor(const QuantConfig& config);

}  // namespace bitlathe::core
