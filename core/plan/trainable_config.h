#pragma once

#include "core/types/quant_config.h"

namespace bitlathe::core {

/// What evaluation can do and training has no form for: ranges that each batch makes anew, padding before quantization.
/// Errors  InvalidConfig naming the layer and what to set.
void requireTrainable(const QuantConfig& config);

}  // namespace bitlathe::core
