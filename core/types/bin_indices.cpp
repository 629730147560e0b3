#include "core/types/bin_indices.h"

#include "core/types/vectorised.h"

#include <cmath>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BITLATHE_AVX512_BINS 1
// GCC 12's own intrinsics pass an undefined register on purpose (x = x) and are warned about when inlined here.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#endif

namespace bitlathe::core {

namespace {

BITLATHE_VECTORISED void portableIndices(const float* x, std::size_t count, float inverseWidth,
                                         float firstBin, float lastIndex, std::int32_t zeroIndex,
                                         std::int32_t* indices) {
    for (std::size_t i = 0; i < count; ++i) {
        // A negative product that underflows to -0 still belongs to bin -1.
        const float position = std::floor(x[i] * inverseWidth);
        float index = ((x[i] < 0.0F) & (position == 0.0F) ? -1.0F : position) - firstBin;
        index = index < 0.0F ? 0.0F : index;
        index = index > lastIndex ? lastIndex : index;
        const auto turn = static_cast<std::int32_t>(i % kZeroCounters);
        const auto zero = static_cast<float>(zeroIndex + turn);
        indices[i] = static_cast<std::int32_t>(x[i] == 0.0F ? zero : index);
    }
}

#ifdef BITLATHE_AVX512_BINS

/// Without the zeros, which a register's worth of indices drops at once: half the increments of a rectified tensor.
__attribute__((target("avx512f"))) BinnedValues
compressedIndices(const float* x, std::size_t count, const Binning& binning, std::int32_t* indices) {
    const __m512 inverseWidth = _mm512_set1_ps(binning.inverseWidth);
    const __m512 firstBin = _mm512_set1_ps(binning.firstBin);
    const __m512 lastIndex = _mm512_set1_ps(static_cast<float>(binning.lastIndex));
    const __m512 nothing = _mm512_setzero_ps();
    std::int32_t* next = indices;
    for (std::size_t i = 0; i < count; i += 16) {
        const auto lanes = static_cast<__mmask16>(count - i < 16 ? (1U << (count - i)) - 1U : 0xFFFFU);
        const __m512 values = _mm512_maskz_loadu_ps(lanes, x + i);
        const __mmask16 isFilled = _mm512_cmp_ps_mask(values, nothing, _CMP_NEQ_UQ);
        const __mmask16 isBelow = _mm512_cmp_ps_mask(values, nothing, _CMP_LT_OQ);
        const __m512 floor = _mm512_roundscale_ps(_mm512_mul_ps(values, inverseWidth),
                                                  _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        // A negative product that underflows to -0 still belongs to bin -1.
        const __mmask16 isUnderflow = _mm512_mask_cmp_ps_mask(isBelow, floor, nothing, _CMP_EQ_OQ);
        const __m512 bin = _mm512_mask_mov_ps(floor, isUnderflow, _mm512_set1_ps(-1.0F));
        const __m512 index = _mm512_min_ps(_mm512_max_ps(_mm512_sub_ps(bin, firstBin), nothing), lastIndex);
        _mm512_storeu_si512(next, _mm512_maskz_compress_epi32(isFilled, _mm512_cvttps_epi32(index)));
        next += __builtin_popcount(isFilled);
    }
    const auto written = static_cast<std::size_t>(next - indices);
    return {written, count - written};
}

#endif

}  // namespace

BinnedValues binIndices(const float* x, std::size_t count, const Binning& binning, std::int32_t* indices) {
#ifdef BITLATHE_AVX512_BINS
    static const bool hasAvx512 = __builtin_cpu_supports("avx512f") != 0;
    if (hasAvx512) {
        return compressedIndices(x, count, binning, indices);
    }
#endif
    return binIndicesPortable(x, count, binning, indices);
}

BinnedValues binIndicesPortable(const float* x, std::size_t count, const Binning& binning,
                                std::int32_t* indices) {
    portableIndices(x, count, binning.inverseWidth, binning.firstBin, static_cast<float>(binning.lastIndex),
                    binning.zeroIndex, indices);
    return {count, 0};
}

}  // namespace bitlathe::core
