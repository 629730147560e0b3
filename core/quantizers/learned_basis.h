#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// LQ-Nets: a value is a sum of basis numbers with one bit each (README eq. 17).
///
///   level_i = sum_j c_ij v_j,   c_ij in {0, 1} (half wave) or {-1, 1} (full wave), i = 0 .. 2^b - 1
///
/// Sorted levels; a value takes the level whose number of thresholds strictly below it is its index.
struct BasisLevels {
    std::vector<double> levels;        ///< ascending, 2^b
    std::vector<double> thresholds;    ///< ascending, 2^b - 1: midpoints
    std::vector<std::uint32_t> codes;  ///< bit pattern of each sorted level
};

/// basis        v, one number per bit, any order and sign
/// isHalfWave   codes 0/1 (activations after ReLU) or -1/1
/// Errors       InvalidConfig: no or more than 8 basis numbers, or one that is not finite
BasisLevels basisLevels(std::span<const double> basis, bool isHalfWave);

/// x̂ and, when `indices` is not empty, the index of each value's level.
void quantizeToBasis(std::span<const float> in, std::span<float> out, std::span<std::uint32_t> indices,
                     const BasisLevels& levels);

/// The least-squares basis for the codes the values just took (Zhang et al. 2018, eq. 8), drawn towards the
/// present one by `ridge`, which keeps the system regular when two bit columns agree or a level is unused:
///   v* = (C'C + ridge I)^-1 (C'X + ridge v)
/// Source  Zhang et al. 2018, arXiv:1807.10029; ridge 1e-4 as in the authors' code, here for activations too.
std::vector<double> leastSquaresBasis(std::span<const float> values, std::span<const std::uint32_t> indices,
                                      const BasisLevels& levels, std::span<const double> basis,
                                      bool isHalfWave, double ridge = 1e-4);
/// The same from what the values of each level add up to: their sum and their number (or weight), by level.
std::vector<double> leastSquaresBasis(std::span<const double> sums, std::span<const double> counts,
                                      const BasisLevels& levels, std::span<const double> basis,
                                      bool isHalfWave, double ridge = 1e-4);

/// Start of an activation basis: 1.349 / (2^b - 1) * 2^i, largest level 1.349 (the authors' code).
std::vector<double> initialActivationBasis(int bits);
/// Start of a weight basis for weights of standard deviation sigma: 0.6745 sigma / 2^(b-1) * 2^i.
std::vector<double> initialWeightBasis(int bits, double sigma);

}  // namespace bitlathe::core
