#include "core/exporters/ncnn_scale_table.h"

#include <fmt/format.h>

#include <iterator>

namespace bitlathe::core {

double ncnnWeightScale(double largest, int quantMax) {
    constexpr double kNoWeights = 1e-4;
    return largest <= kNoWeights ? 0.0 : quantMax / largest;
}

double ncnnInputScale(double reach) {
    return reach <= 0 ? 0.0 : 127 / reach;
}

std::string ncnnScaleTable(std::span<const NcnnLayerScales> layers) {
    std::string text;
    const auto out = std::back_inserter(text);
    for (const NcnnLayerScales& layer : layers) {
        fmt::format_to(out, "{}_param_0", layer.layer);
        for (const double scale : layer.weightScales) {
            fmt::format_to(out, " {:.9g}", scale);
        }
        text += '\n';
    }
    for (const NcnnLayerScales& layer : layers) {
        fmt::format_to(out, "{} {:.9g}\n", layer.layer, layer.inputScale);
    }
    return text;
}

}  // namespace bitlathe::core
