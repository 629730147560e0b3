#pragma once

#include <cstddef>
#include <cstdint>

namespace bitlathe::core {

/// A histogram's grid as its counting loop uses it.
struct Binning {
    float inverseWidth;      ///< 1 / w, a power of two
    float firstBin;          ///< absolute index of counter 0; below 2^24, so exact
    std::int32_t lastIndex;  ///< of the last counter
    std::int32_t zeroIndex;  ///< first of kZeroCounters counters that exact zeros take turns on
};

/// Half of a rectified activation would wait for one counter.
inline constexpr std::size_t kZeroCounters = 16;

/// Room for this many indices more than there are values, whose contents mean nothing.
inline constexpr std::size_t kIndexSlack = 16;

struct BinnedValues {
    std::size_t indices = 0;  ///< written; in the order of the values
    std::uint64_t zeros = 0;  ///< left out of the indices; others are among them with a zero counter's index
};

/// The counter each value goes to: floor(x / w) - firstBin, clamped to the counters, so that memory stays safe from
/// values outside the grid. Finite values. What follows from the indices and `zeros` together is the same on every
/// machine.
BinnedValues binIndices(const float* x, std::size_t count, const Binning& binning, std::int32_t* indices);
/// What binIndices does on processors without AVX-512.
BinnedValues binIndicesPortable(const float* x, std::size_t count, const Binning& binning,
                                std::int32_t* indices);

}  // namespace bitlathe::core
