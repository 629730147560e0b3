#include "core/registry/builtin_quantizers.h"

#include "core/quantizers/quantizer.h"

namespace bitlathe::core {

const Registry<Quantizer>& quantizerRegistry() {
    static const Registry<Quantizer> registry = [] {
        Registry<Quantizer> quantizers("quantizer");
        addUniformQuantizers(quantizers);
        addLearnedQuantizers(quantizers);
        addLowBitQuantizers(quantizers);
        return quantizers;
    }();
    return registry;
}

}  // namespace bitlathe::core
