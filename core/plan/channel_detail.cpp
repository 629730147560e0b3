#include "core/plan/channel_detail.h"

#include <algorithm>
#include <string_view>

namespace bitlathe::core {

namespace {

// It weighs the channels' errors by their mean squares (core/ptq/cross_layer_equalization.h).
constexpr std::string_view kEqualization = "cross_layer_equalization";

}  // namespace

ChannelDetail channelDetailFor(const QuantConfig& config) noexcept {
    const auto isPerChannel = [](const SiteQuant& quant) {
        return !quant.isFloat() && quant.granularity.kind != Granularity::Kind::Tensor;
    };
    const bool isNeeded = isPerChannel(config.input) ||
                          std::any_of(config.layers.begin(), config.layers.end(),
                                      [&](const auto& layer) { return isPerChannel(layer.second.output); }) ||
                          std::any_of(config.postTraining.begin(), config.postTraining.end(),
                                      [](const MethodSpec& method) { return method.name == kEqualization; });
    return isNeeded ? ChannelDetail::Histograms : ChannelDetail::Extrema;
}

}  // namespace bitlathe::core
