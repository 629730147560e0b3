#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// A codebook of levels and what it costs (README eq. 27).
struct Codebook {
    std::vector<double> levels;  ///< ascending
    double inertia = 0;          ///< sum of squared distances of the values to their levels
};

/// The best possible codebook of `levels` levels for one-dimensional values (k-means solved exactly): sorted
/// values, dynamic programming over the places to cut, each row filled by divide and conquer, O(levels n log
/// n). More levels than distinct values gives one level each. Errors  InvalidConfig: levels < 1.
/// NonFiniteInput. Source  Wang and Song 2011 (Ckmeans.1d.dp), R Journal 3/2; Grønlund et al. 2017,
/// arXiv:1701.07204.
Codebook optimalCodebook(std::span<const float> values, int levels);
/// The same for weighted points (a histogram's bin centres and counts).
Codebook optimalCodebook(std::span<const double> points, std::span<const double> weights, int levels);

/// Lloyd's iteration from given levels until the assignment no longer changes. A level that loses all its
/// values takes the one that lies farthest from its level.
Codebook lloydCodebook(std::span<const float> values, std::vector<double> start, int maxIterations = 1000);

/// Index of the nearest level (the lower of two equally near) and its value.
void assignCodebook(std::span<const float> values, std::span<float> out, std::span<std::uint32_t> indices,
                    const Codebook& codebook);

}  // namespace bitlathe::core
