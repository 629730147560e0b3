#pragma once

#include "core/train/train_options.h"

#include <cstdint>
#include <string>

namespace bitlathe::core {

/// How one tensor is trained.
struct ParameterSettings {
    double learningRateFactor = 1;
    double weightDecay = 0;
    bool operator==(const ParameterSettings&) const = default;
};

/// The options' decay for weights of convolutions and linears, none for biases, batch norm and ranges, which
/// it would pull towards zero although they only shift and scale; then every rule that matches, in order.
/// name  "stem.conv.weight", as rules see it
ParameterSettings parameterSettings(const TrainOptions& options, const std::string& name, ParameterKind kind,
                                    std::int64_t elements);
/// The same with another decay for the rules to change: a range whose paper decays it (PACT's alpha).
ParameterSettings parameterSettings(const TrainOptions& options, const std::string& name, ParameterKind kind,
                                    std::int64_t elements, double ownDecay);

}  // namespace bitlathe::core
