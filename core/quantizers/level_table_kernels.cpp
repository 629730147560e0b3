#include "core/quantizers/level_table.h"
#include "core/types/vectorised.h"

#include <cstddef>

namespace bitlathe::core {

namespace {

// A block stays in registers or the first-level cache while every threshold passes over it.
constexpr std::size_t kBlock = 64;
// Up to here comparing with every threshold beats a search that has to gather.
constexpr std::size_t kMostCompared = 32;

#define BITLATHE_INLINE __attribute__((always_inline)) inline

/// NaN stands for zero.
BITLATHE_INLINE float orZero(float x) {
    return x == x ? x : 0.0F;
}

/// levels[number of thresholds below x] without a lookup: each threshold passed moves the value one level up.
BITLATHE_INLINE void levelsByComparing(const float* in, float* out, std::size_t count,
                                       const float* thresholds, const float* levels,
                                       std::size_t thresholdCount) {
    float x[kBlock] = {};
    float y[kBlock];
    for (std::size_t i = 0; i < count; ++i) {
        x[i] = orZero(in[i]);
    }
    for (std::size_t i = 0; i < kBlock; ++i) {
        y[i] = levels[0];
    }
    for (std::size_t k = 0; k < thresholdCount; ++k) {
        const float threshold = thresholds[k];
        const float level = levels[k + 1];
        for (std::size_t i = 0; i < kBlock; ++i) {
            y[i] = x[i] > threshold ? level : y[i];
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = y[i];
    }
}

/// Number of thresholds strictly below each of kBlock values; every lane halves the same lengths.
BITLATHE_INLINE void codesBySearching(const float* x, std::int32_t* codes, const float* thresholds,
                                      std::size_t thresholdCount) {
    for (std::size_t i = 0; i < kBlock; ++i) {
        codes[i] = 0;
    }
    auto length = static_cast<std::int32_t>(thresholdCount);
    while (length > 0) {
        const std::int32_t half = (length + 1) / 2;
        for (std::size_t i = 0; i < kBlock; ++i) {
            codes[i] += thresholds[codes[i] + half - 1] < x[i] ? half : 0;
        }
        length -= half;
    }
}

BITLATHE_INLINE void codesOfBlock(const float* in, std::int32_t* codes, std::size_t count,
                                  const float* thresholds, std::size_t thresholdCount) {
    float x[kBlock] = {};
    for (std::size_t i = 0; i < count; ++i) {
        x[i] = orZero(in[i]);
    }
    codesBySearching(x, codes, thresholds, thresholdCount);
}

BITLATHE_VECTORISED void fakeQuantizeKernel(const float* in, float* out, std::size_t count,
                                            const float* thresholds, const float* levels,
                                            std::size_t thresholdCount) {
    std::int32_t codes[kBlock];
    for (std::size_t begin = 0; begin < count; begin += kBlock) {
        const std::size_t length = count - begin < kBlock ? count - begin : kBlock;
        if (thresholdCount <= kMostCompared) {
            levelsByComparing(in + begin, out + begin, length, thresholds, levels, thresholdCount);
            continue;
        }
        codesOfBlock(in + begin, codes, length, thresholds, thresholdCount);
        for (std::size_t i = 0; i < length; ++i) {
            out[begin + i] = levels[codes[i]];
        }
    }
}

BITLATHE_VECTORISED void quantizeKernel(const float* in, std::int32_t* out, std::size_t count,
                                        const float* thresholds, std::size_t thresholdCount) {
    std::int32_t codes[kBlock];
    for (std::size_t begin = 0; begin < count; begin += kBlock) {
        const std::size_t length = count - begin < kBlock ? count - begin : kBlock;
        codesOfBlock(in + begin, codes, length, thresholds, thresholdCount);
        for (std::size_t i = 0; i < length; ++i) {
            out[begin + i] = codes[i];
        }
    }
}

}  // namespace

void fakeQuantizeByTable(std::span<const float> in, std::span<float> out, const LevelTable& table) {
    fakeQuantizeKernel(in.data(), out.data(), in.size(), table.thresholds.data(), table.levels.data(),
                       table.thresholds.size());
}

void quantizeByTable(std::span<const float> in, std::span<std::int32_t> out, const LevelTable& table) {
    quantizeKernel(in.data(), out.data(), in.size(), table.thresholds.data(), table.thresholds.size());
}

}  // namespace bitlathe::core
