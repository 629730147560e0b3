#pragma once

#include "core/quantizers/quantizer.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// What a slice holds as weighted points, clipped to its range: how quantizers that follow the values see
/// weights and activations alike.
///   weights        every value with weight 1; more than 65,536 values go through a histogram of 2048 bins
///   activations    bin centres with their counts, and the exact zeros
///   nothing known  257 points spread evenly over the range
struct FitSample {
    std::vector<double> points;
    std::vector<double> weights;
    double total = 0;

    void add(double point, double weight) {
        points.push_back(point);
        weights.push_back(weight);
        total += weight;
    }
};

/// Errors  NonFiniteInput: a value is NaN or Inf.
FitSample fitSample(const FitSlice& slice);
/// The same clip on the values themselves.
std::vector<float> clippedValues(const FitSlice& slice);

/// Moments of a sample; all zero when it is empty.
struct SampleMoments {
    double mean = 0;
    double meanMagnitude = 0;
    double meanSquare = 0;
    double deviation = 0;  ///< of the population
};
SampleMoments momentsOf(const FitSample& sample) noexcept;

/// Sum of weight * (x - nearest level)² and the level's own sums, for levels in ascending order: one step of a
/// Lloyd iteration.
struct LevelSums {
    std::vector<double> weight;
    std::vector<double> sum;
};
LevelSums sumsByLevel(const FitSample& sample, std::span<const double> thresholds);

/// Values that share one learned number in one sample's pass: the slice's weights, or the slice's features of
/// one image. At least 1.
std::uint64_t sharedBy(const FitSlice& slice) noexcept;

}  // namespace bitlathe::core
