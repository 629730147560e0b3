#include "core/deploy/integer_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <algorithm>
#include <cstring>

// GCC 12's own intrinsics pass an undefined register on purpose (x = x) and are warned about when inlined here.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#include <immintrin.h>

namespace bitlathe::core {

namespace {

__m512i broadcastQuad(const std::uint8_t* bytes) {
    std::int32_t quad = 0;
    std::memcpy(&quad, bytes, sizeof quad);
    return _mm512_set1_epi32(quad);
}

/// P pixels times B blocks of channels, all sums in registers.
template <int P, int B>
void dotTile(const DotTask& task, int firstPixel, int firstBlock) {
    const std::ptrdiff_t blockBytes = std::ptrdiff_t{task.segments} * task.quads * 4 * kLanes;
    __m512i sums[P][B];
    for (int b = 0; b < B; ++b) {
        const __m512i bias = _mm512_loadu_si512(task.bias + (firstBlock + b) * kLanes);
        for (int p = 0; p < P; ++p) {
            sums[p][b] = bias;
        }
    }
    const std::uint8_t* const input = task.input + firstPixel * task.pixelStep;
    const std::int8_t* w = task.weights + firstBlock * blockBytes;
    for (int s = 0; s < task.segments; ++s) {
        const std::uint8_t* x = input + task.offsets[s];
        for (int q = 0; q < task.quads; ++q, x += 4, w += 4 * kLanes) {
            __m512i weights[B];
            for (int b = 0; b < B; ++b) {
                weights[b] = _mm512_loadu_si512(w + b * blockBytes);
            }
            for (int p = 0; p < P; ++p) {
                const __m512i quad = broadcastQuad(x + p * task.pixelStep);
                for (int b = 0; b < B; ++b) {
                    sums[p][b] = _mm512_dpbusd_epi32(sums[p][b], quad, weights[b]);
                }
            }
        }
    }
    const int stride = task.blocks * kLanes;
    for (int p = 0; p < P; ++p) {
        for (int b = 0; b < B; ++b) {
            _mm512_storeu_si512(task.accumulators + (firstPixel + p) * stride + (firstBlock + b) * kLanes,
                                sums[p][b]);
        }
    }
}

/// All pixels for B blocks; Most pixels at a time fill the registers.
template <int Most, int B>
void dotBlocks(const DotTask& task, int firstBlock) {
    int p = 0;
    for (; p + Most <= task.pixels; p += Most) {
        dotTile<Most, B>(task, p, firstBlock);
    }
    for (; p + 4 <= task.pixels; p += 4) {
        dotTile<4, B>(task, p, firstBlock);
    }
    for (; p + 2 <= task.pixels; p += 2) {
        dotTile<2, B>(task, p, firstBlock);
    }
    if (p < task.pixels) {
        dotTile<1, B>(task, p, firstBlock);
    }
}

void dot(const DotTask& task) {
    int block = 0;
    for (; block + 4 <= task.blocks; block += 4) {
        dotBlocks<6, 4>(task, block);
    }
    if (block + 2 <= task.blocks) {
        dotBlocks<8, 2>(task, block);
        block += 2;
    }
    if (block < task.blocks) {
        dotBlocks<12, 1>(task, block);
    }
}

template <int P>
void depthwiseTile(const DepthwiseTask& task, int firstPixel, int lane) {
    const int stride = task.blocks * kLanes;
    __m512i sums[P];
    for (int p = 0; p < P; ++p) {
        sums[p] = _mm512_loadu_si512(task.bias + lane);
    }
    const std::uint8_t* const input = task.input + firstPixel * task.pixelStep + lane;
    for (int t = 0; t < task.taps; ++t) {
        const __m512i w = _mm512_loadu_si512(task.weights + t * stride + lane);
        const std::uint8_t* const x = input + task.offsets[t];
        for (int p = 0; p < P; ++p) {
            const __m512i codes = _mm512_cvtepu8_epi32(
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + p * task.pixelStep)));
            sums[p] = _mm512_add_epi32(sums[p], _mm512_mullo_epi32(codes, w));
        }
    }
    for (int p = 0; p < P; ++p) {
        _mm512_storeu_si512(task.accumulators + (firstPixel + p) * stride + lane, sums[p]);
    }
}

void depthwise(const DepthwiseTask& task) {
    for (int block = 0; block < task.blocks; ++block) {
        int p = 0;
        for (; p + 8 <= task.pixels; p += 8) {
            depthwiseTile<8>(task, p, block * kLanes);
        }
        for (; p + 2 <= task.pixels; p += 2) {
            depthwiseTile<2>(task, p, block * kLanes);
        }
        if (p < task.pixels) {
            depthwiseTile<1>(task, p, block * kLanes);
        }
    }
}

/// round(product / 2^shift) in 64-bit lanes; half = 2^(shift - 1).
template <Rounding R>
__m512i roundedShift(__m512i product, __m512i shift, __m512i half) {
    if constexpr (R == Rounding::Floor) {
        return _mm512_srav_epi64(product, shift);
    } else if constexpr (R == Rounding::HalfUp) {
        return _mm512_srav_epi64(_mm512_add_epi64(product, half), shift);
    } else if constexpr (R == Rounding::HalfAway) {
        const __m512i negative = _mm512_srai_epi64(product, 63);
        return _mm512_srav_epi64(_mm512_add_epi64(_mm512_add_epi64(product, half), negative), shift);
    } else {
        const __m512i one = _mm512_set1_epi64(1);
        const __m512i odd = _mm512_and_si512(_mm512_srav_epi64(product, shift), one);
        const __m512i biased = _mm512_add_epi64(product, _mm512_sub_epi64(half, one));
        return _mm512_srav_epi64(_mm512_add_epi64(biased, odd), shift);
    }
}

/// The factors of 16 channels, even and odd channels apart, as 64-bit products need them.
struct Factors {
    __m512i mantissaEven, mantissaOdd, shiftEven, shiftOdd, halfEven, halfOdd;

    Factors(const RequantizeTable& table, int channel) {
        const auto c = static_cast<std::size_t>(channel);
        const __m512i one = _mm512_set1_epi64(1);
        mantissaEven = _mm512_loadu_si512(&table.mantissas[c]);
        mantissaOdd = _mm512_srli_epi64(mantissaEven, 32);
        const __m512i low = _mm512_loadu_si512(&table.shifts[c]);
        const __m512i high = _mm512_loadu_si512(&table.shifts[c + 8]);
        shiftEven = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), high);
        shiftOdd = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), high);
        halfEven = _mm512_sllv_epi64(one, _mm512_sub_epi64(shiftEven, one));
        halfOdd = _mm512_sllv_epi64(one, _mm512_sub_epi64(shiftOdd, one));
    }
};

/// 16 codes before the zero point. Wide: the shifted product may leave 32 bits and is clamped before.
template <Rounding R, bool Wide>
__m512i codesOf(__m512i acc, const Factors& factors, __m512i lower, __m512i upper) {
    __m512i even =
        roundedShift<R>(_mm512_mul_epi32(acc, factors.mantissaEven), factors.shiftEven, factors.halfEven);
    __m512i odd = roundedShift<R>(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), factors.mantissaOdd),
                                  factors.shiftOdd, factors.halfOdd);
    if constexpr (Wide) {
        const __m512i lowest = _mm512_set1_epi64(-0x40000000);
        const __m512i highest = _mm512_set1_epi64(0x40000000);
        even = _mm512_min_epi64(_mm512_max_epi64(even, lowest), highest);
        odd = _mm512_min_epi64(_mm512_max_epi64(odd, lowest), highest);
    }
    const __m512i codes = _mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32));
    return _mm512_min_epi32(_mm512_max_epi32(codes, lower), upper);
}

template <Rounding R, bool Wide>
void requantizeRuns(const RequantizeTask& task, const RequantizeTable& table) {
    const __m512i zero = _mm512_set1_epi32(table.zeroPoint);
    const __m512i lower = _mm512_set1_epi32(table.lower - table.zeroPoint);
    const __m512i upper = _mm512_set1_epi32(table.upper - table.zeroPoint);
    for (int c = 0; c < task.channels; c += kLanes) {
        const Factors factors(table, c);
        const int left = std::min(task.channels - c, kLanes);
        const auto mask = static_cast<__mmask16>((1U << left) - 1U);
        const std::int32_t* acc = task.accumulators + c;
        std::uint8_t* out = task.output + c;
        for (int p = 0; p < task.pixels; ++p) {
            const __m512i codes = codesOf<R, Wide>(_mm512_loadu_si512(acc), factors, lower, upper);
            _mm512_mask_cvtepi32_storeu_epi8(out, mask, _mm512_add_epi32(codes, zero));
            acc += task.accumulatorStep;
            out += task.outputStep;
        }
    }
}

void requantizeByThresholds(const RequantizeTask& task, const RequantizeTable& table) {
    const int padded = paddedLanes(table.channels);
    for (int c = 0; c < task.channels; c += kLanes) {
        const auto mask = static_cast<__mmask16>((1U << std::min(task.channels - c, kLanes)) - 1U);
        const __m512i base = _mm512_loadu_si512(&table.bases[static_cast<std::size_t>(c)]);
        const __m512i direction = _mm512_loadu_si512(&table.directions[static_cast<std::size_t>(c)]);
        for (int p = 0; p < task.pixels; ++p) {
            const __m512i acc = _mm512_loadu_si512(task.accumulators + p * task.accumulatorStep + c);
            __m512i code = base;
            for (int k = 0; k < table.steps; ++k) {
                const __m512i bound =
                    _mm512_loadu_si512(&table.bounds[static_cast<std::size_t>(k * padded + c)]);
                code = _mm512_mask_add_epi32(code, _mm512_cmpge_epi32_mask(acc, bound), code, direction);
            }
            _mm512_mask_cvtepi32_storeu_epi8(task.output + p * task.outputStep + c, mask, code);
        }
    }
}

template <Rounding R>
void requantizeAs(const RequantizeTask& task, const RequantizeTable& table) {
    return table.isWide ? requantizeRuns<R, true>(task, table) : requantizeRuns<R, false>(task, table);
}

void requantize(const RequantizeTask& task, const RequantizeTable& table) {
    if (!table.bases.empty()) {
        return requantizeByThresholds(task, table);
    }
    switch (table.rounding) {
    case Rounding::HalfUp:
        return requantizeAs<Rounding::HalfUp>(task, table);
    case Rounding::HalfEven:
        return requantizeAs<Rounding::HalfEven>(task, table);
    case Rounding::HalfAway:
        return requantizeAs<Rounding::HalfAway>(task, table);
    case Rounding::Floor:
        return requantizeAs<Rounding::Floor>(task, table);
    }
}

template <Rounding R>
void addRuns(const AddTask& task) {
    const __m512i ma = _mm512_set1_epi64(task.mantissaA);
    const __m512i mb = _mm512_set1_epi64(task.mantissaB);
    const __m512i offset = _mm512_set1_epi64(task.offset);
    const __m512i shift = _mm512_set1_epi64(task.shift);
    const __m512i half = _mm512_set1_epi64(std::int64_t{1} << (task.shift - 1));
    const __m512i lower = _mm512_set1_epi64(task.lower - task.zeroPoint);
    const __m512i upper = _mm512_set1_epi64(task.upper - task.zeroPoint);
    const __m512i zero = _mm512_set1_epi64(task.zeroPoint);
    for (std::size_t i = 0; i < task.count; i += 8) {
        const std::size_t left = std::min<std::size_t>(task.count - i, 8);
        const auto mask = static_cast<__mmask8>((1U << left) - 1U);
        const __m512i a = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(task.a + i)));
        const __m512i b = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(task.b + i)));
        const __m512i sum =
            _mm512_add_epi64(_mm512_add_epi64(_mm512_mul_epi32(a, ma), _mm512_mul_epi32(b, mb)), offset);
        const __m512i code = roundedShift<R>(sum, shift, half);
        const __m512i clamped = _mm512_min_epi64(_mm512_max_epi64(code, lower), upper);
        _mm512_mask_cvtepi64_storeu_epi8(task.output + i, mask, _mm512_add_epi64(clamped, zero));
    }
}

void add(const AddTask& task) {
    switch (task.rounding) {
    case Rounding::HalfUp:
        return addRuns<Rounding::HalfUp>(task);
    case Rounding::HalfEven:
        return addRuns<Rounding::HalfEven>(task);
    case Rounding::HalfAway:
        return addRuns<Rounding::HalfAway>(task);
    case Rounding::Floor:
        return addRuns<Rounding::Floor>(task);
    }
}

}  // namespace

}  // namespace bitlathe::core

#pragma GCC pop_options

namespace bitlathe::core {

const IntegerKernels* vnniKernels() noexcept {
    static constexpr IntegerKernels kKernels{"avx512_vnni", dot, depthwise, requantize, add};
    static const bool isSupported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                    __builtin_cpu_supports("avx512vl") &&
                                    __builtin_cpu_supports("avx512dq") &&
                                    __builtin_cpu_supports("avx512vnni");
    return isSupported ? &kKernels : nullptr;
}

}  // namespace bitlathe::core

#else

namespace bitlathe::core {

const IntegerKernels* vnniKernels() noexcept {
    return nullptr;
}

}  // namespace bitlathe::core

#endif
