#include "core/types/quant_config.h"

namespace bitlathe::core {

SiteQuant QuantConfig::site(const SiteId& id) const {
    if (id.layer == kInputLayer) {
        return input;
    }
    const auto found = layers.find(id.layer);
    if (found == layers.end()) {
        return {};
    }
    return id.kind == SiteKind::Weight ? found->second.weight : found->second.output;
}

}  // namespace bitlathe::core
