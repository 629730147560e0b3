#pragma once

// Power-of-two family: what its case files share, and the kinds of case they hold.

#include "core/graph/graph.h"
#include "core/graph/prepare.h"
#include "core/observers/range_tracker.h"
#include "core/ptq/power_of_two_bias.h"
#include "core/ptq/weight_correction.h"
#include "core/quantizers/fake_quantize.h"
#include "core/quantizers/power_of_two_quantizer.h"
#include "tests/conform/case.h"
#include "tests/conform/reference_net.h"
#include <algorithm>
#include <cmath>

namespace bitlathe::conform::power_of_two_cases {

using namespace bitlathe::core;

using Sign = PowerOfTwoQuantizer::Sign;
using Spacing = PowerOfTwoQuantizer::Spacing;

inline Tolerance toleranceOf(const Case& item) {
    const Json& json = item.json()["tolerance"];
    const double both = json.is_number() ? json.get<double>() : 2e-6;
    return {both, both};
}

inline std::vector<double> doubles(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

inline Range extremaOf(const std::vector<float>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
}

/// The grid of a range tracker: the next power of two, signed as told or as its range asks.
inline QParams activationGrid(const Range& range, std::optional<bool> isSigned, int bits) {
    const Sign sign = !isSigned ? Sign::Auto : (*isSigned ? Sign::Signed : Sign::Unsigned);
    return PowerOfTwoQuantizer(Rounding::HalfUp, sign).Quantizer::qparams(range, BitWidth(bits));
}

/// What the tracker clamps to: the power of two, of which the top code stays one step short.
inline Range clipOf(const QParams& grid, int bits) {
    const double reach = std::ldexp(static_cast<double>(grid.scale[0]), grid.isSigned() ? bits - 1 : bits);
    return {grid.isSigned() ? -reach : 0.0, reach};
}

// Merged convolution and batch norm
// ----------------------------------------------------------------------------------
struct Merged {
    Tensor weight;
    std::vector<float> bias;
};

struct WeightGrid {
    std::vector<Slice> parts;  ///< one, or one per output channel
    QParams grid;
    double multiplier(std::size_t s) const { return 1 / static_cast<double>(grid.scale[s]); }
};

inline WeightGrid weightGrid(const Tensor& w, int axis, bool isPerChannel, int bits) {
    const std::vector<float> values = w.floats();
    WeightGrid result;
    result.parts = isPerChannel ? slices(w.shape, axis) : slices(w.shape, std::nullopt);
    std::vector<Range> ranges;
    for (const Slice& part : result.parts) {
        ranges.push_back(extremaOf(gather(values, part)));
    }
    result.grid = PowerOfTwoQuantizer(Rounding::HalfAway, Sign::Signed).qparams(ranges, BitWidth(bits), 0);
    return result;
}

inline BiasConstraint constraintOf(const Case& item) {
    switch (static_cast<int>(item.number("constrain_bias", 0))) {
    case 1:
        return item.text("variant") == "r8.6" ? BiasConstraint::Accumulator
                                              : BiasConstraint::None;  // r8.0 acts in training only
    case 2:
        return BiasConstraint::WeightScale;
    default:
        return BiasConstraint::None;
    }
}

/// Whether the bias that lowers the weights' scale is the one on its own grid: r8.0 quantizes biases first.
inline bool quantizesBiasFirst(const Case& item) {
    return item.text("variant") == "r8.0";
}

struct QuantizedLayer {
    std::vector<float> weight, bias;
};

inline QuantizedLayer quantizeLayer(const Merged& merged, int axis, bool isPerChannel, int bits,
                                    BiasConstraint constraint, const PowerOfTwoLayer& layer,
                                    bool isBiasFirst) {
    QuantizedLayer result;
    WeightGrid weights = weightGrid(merged.weight, axis, isPerChannel, bits);
    if (constraint == BiasConstraint::WeightScale) {
        const std::vector<float> bias =
            isBiasFirst ? powerOfTwoBias(merged.bias, weights.multiplier(0), layer, BiasConstraint::None)
                        : merged.bias;
        for (std::size_t s = 0; s < weights.parts.size(); ++s) {
            const double constrained = constrainedWeightScale(bias, weights.multiplier(s), layer);
            weights.grid.scale[s] = static_cast<float>(1 / constrained);
        }
    }
    const std::vector<float> values = merged.weight.floats();
    result.weight.resize(values.size());
    for (std::size_t s = 0; s < weights.parts.size(); ++s) {
        std::vector<float> part = gather(values, weights.parts[s]);
        fakeQuantize(part, part, weights.grid, s);
        scatter(result.weight, weights.parts[s], part);
    }
    result.bias = powerOfTwoBias(merged.bias, weights.multiplier(0), layer, constraint);
    return result;
}

void runPowers(Case& item);
void runRoundings(Case& item);
void runGrid(Case& item);
void runWeights(Case& item);
void runActivation(Case& item);
void runExtrema(Case& item);
void runTracker(Case& item);
void runConstraint(Case& item);
void runMerging(Case& item);
void runNetwork(Case& item);
void runTrainingSteps(Case& item);
void runCalibration(Case& item);

}  // namespace bitlathe::conform::power_of_two_cases
