#pragma once

#include "core/types/rounding.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace bitlathe::core {

/// The inner loops of IntegerEngine, in portable C++, for AVX2 and for AVX-512 VNNI. All compute the same
/// integers. Codes are stored as bytes counted from their tensor's lowest code, so that every activation is
/// unsigned; channels are padded to a multiple of kLanes in everything that belongs to weights.
///
/// Kernels may read up to kSlackBytes behind what they are given, never write there.
inline constexpr int kLanes = 16;
inline constexpr int kSlackBytes = 64;

/// Memory for kernels: vector loads and stores stay within cache lines.
template <typename T>
struct CacheLineAllocator {
    using value_type = T;
    CacheLineAllocator() = default;
    template <typename U>
    CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}
    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64}));
    }
    void deallocate(T* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{64}); }
    bool operator==(const CacheLineAllocator&) const = default;
};
template <typename T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

inline constexpr int paddedLanes(int channels) noexcept {
    return (channels + kLanes - 1) / kLanes * kLanes;
}

/// Requantization of some channels (README eq. 61), zero point and clamp counted from the lowest code.
struct RequantizeTable {
    int channels = 0;
    Rounding rounding = Rounding::HalfUp;
    bool isWide = false;           ///< a factor of 1 or more: products may leave 32 bits after the shift
    AlignedVector<float> factors;  ///< padded; the same factors rounded to float32
    std::vector<std::int32_t> mantissas;  ///< padded
    std::vector<std::int64_t> shifts;     ///< padded
    std::int32_t zeroPoint = 0;
    std::int32_t lower = 0;
    std::int32_t upper = 255;
    int steps = 0;                          ///< with thresholds: how many bounds each channel has
    std::vector<std::int32_t> bounds;       ///< [step][padded channel]; INT32_MAX: never reached
    std::vector<std::int32_t> bases;        ///< padded; the code below the first bound
    std::vector<std::int32_t> directions;   ///< padded; +1 or -1
    std::vector<std::int32_t> corrections;  ///< padded; times the window's sum of inputs; empty: none
};

/// acc[p][c] = bias[c] + sum over segments s and bytes i of input[p * pixelStep + offsets[s] + i] * w[c][s][i]
struct DotTask {
    const std::uint8_t* input = nullptr;
    std::ptrdiff_t pixelStep = 0;  ///< bytes
    int pixels = 0;
    const std::ptrdiff_t* offsets = nullptr;
    int segments = 0;
    int quads = 0;  ///< bytes of a segment / 4, rounded up; the weights of the rest are 0
    const std::int8_t* weights = nullptr;  ///< [channel block][segment][quad][kLanes][4]
    const std::int32_t* bias = nullptr;    ///< padded
    int blocks = 0;
    std::int32_t* accumulators = nullptr;  ///< [pixels][blocks * kLanes]
};

/// acc[p][c] = bias[c] + sum over taps t of input[p * pixelStep + offsets[t] + c] * w[t][c]
struct DepthwiseTask {
    const std::uint8_t* input = nullptr;
    std::ptrdiff_t pixelStep = 0;
    int pixels = 0;
    const std::ptrdiff_t* offsets = nullptr;
    int taps = 0;
    const std::int32_t* weights = nullptr;  ///< [tap][blocks * kLanes]
    /// The same as bytes, [group][blocks][kLanes][4], four neighbouring taps of a row to a group (the last ones
    /// of a row 0); null where a weight does not fit a byte.
    const std::int8_t* byteWeights = nullptr;
    const std::ptrdiff_t* groupOffsets = nullptr;  ///< first tap of each group
    int groups = 0;
    std::ptrdiff_t tapStep = 0;  ///< bytes from one tap of a row to the next
    const std::int32_t* bias = nullptr;
    int blocks = 0;
    std::int32_t* accumulators = nullptr;  ///< [pixels][blocks * kLanes]
};

/// Codes of `pixels` runs of `channels` accumulators each.
struct RequantizeTask {
    int channels = 0;  ///< at most the table's
    const std::int32_t* accumulators = nullptr;
    std::ptrdiff_t accumulatorStep = 0;  ///< elements between pixels
    int pixels = 0;
    std::uint8_t* output = nullptr;
    std::ptrdiff_t outputStep = 0;  ///< bytes between pixels
};

/// out = clamp(round((a * ma + b * mb + offset) / 2^shift) + zeroPoint): a, b stored codes; the offset holds
/// the inputs' zero points.
struct AddTask {
    const std::uint8_t* a = nullptr;
    const std::uint8_t* b = nullptr;
    std::size_t count = 0;
    std::int64_t mantissaA = 0;
    std::int64_t mantissaB = 0;
    std::int64_t offset = 0;
    int shift = 1;
    Rounding rounding = Rounding::HalfUp;
    std::int32_t zeroPoint = 0;
    std::int32_t lower = 0;
    std::int32_t upper = 255;
    std::uint8_t* output = nullptr;
};

struct IntegerKernels {
    const char* name = "";
    void (*dot)(const DotTask&) = nullptr;
    void (*depthwise)(const DepthwiseTask&) = nullptr;
    void (*requantize)(const RequantizeTask&, const RequantizeTable&) = nullptr;
    void (*add)(const AddTask&) = nullptr;
};

const IntegerKernels& portableKernels() noexcept;
/// Null where the processor (or the compiler) lacks AVX2 with FMA.
const IntegerKernels* avx2Kernels() noexcept;
/// Null where the processor (or the compiler) lacks AVX-512 with VNNI.
const IntegerKernels* vnniKernels() noexcept;

}  // namespace bitlathe::core
