#include "core/quantizers/trainable_quantizer.h"

#include "core/quantizers/quantizer.h"

namespace bitlathe::core {

bool TrainableQuantizer::update(std::span<const float> /*x*/, const SliceLayout& /*layout*/,
                                std::span<const std::span<float>> /*values*/) const {
    return false;
}

std::unique_ptr<TrainableQuantizer> Quantizer::trainable(const FitInput& /*input*/, BitWidth /*bits*/) const {
    return nullptr;
}

}  // namespace bitlathe::core
