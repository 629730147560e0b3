#pragma once

#include "core/registry/registry.h"

namespace bitlathe::core {

// The families of quantizers, in the order the window lists them. Each adds its own to the registry.
void addUniformQuantizers(Registry<Quantizer>& quantizers);
void addLearnedQuantizers(Registry<Quantizer>& quantizers);
void addLowBitQuantizers(Registry<Quantizer>& quantizers);

}  // namespace bitlathe::core
