#include "core/ptq/needed_detail.h"

#include "core/ptq/post_training.h"
#include "core/registry/registry.h"

#include <algorithm>

namespace bitlathe::core {

ChannelDetail channelDetailFor(const QuantConfig& config) {
    const auto isPerChannel = [](const SiteQuant& quant) {
        return !quant.isFloat() && quant.granularity.kind != Granularity::Kind::Tensor;
    };
    const auto readsChannels = [](const MethodSpec& method) {
        return postTrainingRegistry().create(method)->channelDetail() == ChannelDetail::Histograms;
    };
    const bool isNeeded = isPerChannel(config.input) ||
                          std::any_of(config.layers.begin(), config.layers.end(),
                                      [&](const auto& layer) { return isPerChannel(layer.second.output); }) ||
                          std::any_of(config.postTraining.begin(), config.postTraining.end(), readsChannels);
    return isNeeded ? ChannelDetail::Histograms : ChannelDetail::Extrema;
}

}  // namespace bitlathe::core
