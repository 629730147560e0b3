#include "core/plan/channel_detail.h"

#include <algorithm>

namespace bitlathe::core {

ChannelDetail channelDetailFor(const QuantConfig& config) noexcept {
    const auto isPerChannel = [](const SiteQuant& quant) {
        return !quant.isFloat() && quant.granularity.kind != Granularity::Kind::Tensor;
    };
    const bool isNeeded = isPerChannel(config.input) ||
                          std::any_of(config.layers.begin(), config.layers.end(),
                                      [&](const auto& layer) { return isPerChannel(layer.second.output); });
    return isNeeded ? ChannelDetail::Histograms : ChannelDetail::Extrema;
}

}  // namespace bitlathe::core
