#pragma once

#include "core/quantizers/normalised_quantizer.h"
#include "core/registry/param_specs.h"

#include <memory>

namespace bitlathe::core {

/// Adaptive weight normalisation, the option the learned quantizers share.
inline ParamSpec normalisationParam() {
    return choiceParam(
        "normalisation", {"none", "var_mean", "var_mean_unrestored"},
        "weights are brought to mean 0 and deviation 1 first, and back after; or left so, for a batch "
        "norm of their own behind them to take up in training");
}

/// The quantizer as it is, or behind the normalisation the parameters ask for.
inline std::unique_ptr<Quantizer> normalised(const ParamValues& params,
                                             std::unique_ptr<Quantizer> quantizer) {
    if (params.at("normalisation") == 0) {
        return quantizer;
    }
    return std::make_unique<NormalisedQuantizer>(
        std::move(quantizer), params.at("normalisation") == 1 ? NormalisedQuantizer::Units::Restored
                                                              : NormalisedQuantizer::Units::Normalised);
}

}  // namespace bitlathe::core
