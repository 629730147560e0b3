#include "core/plan/trainable_config.h"

#include "core/types/error.h"

#include <string>

namespace bitlathe::core {

namespace {

void requireOffline(const SiteQuant& site, const LayerId& layer) {
    if (!site.isFloat() && site.ranges == RangeTime::Online) {
        throw Error(
            ErrorCode::InvalidConfig,
            "'" + layer.str() +
                "' takes its range from each batch (\"ranges\": \"online\"), which training cannot; set it "
                "to "
                "\"offline\", or choose observer and quantizer that follow the values while training");
    }
}

}  // namespace

void requireTrainable(const QuantConfig& config) {
    requireOffline(config.input, kInputLayer);
    for (const auto& [layer, quant] : config.layers) {
        requireOffline(quant.output, layer);
        if (quant.padding == PaddingOrder::BeforeQuantization) {
            throw Error(ErrorCode::InvalidConfig,
                        "layer '" + layer.str() +
                            "' pads before quantization, which training cannot; set \"padding\" to "
                            "\"after_quantization\"");
        }
    }
}

}  // namespace bitlathe::core
