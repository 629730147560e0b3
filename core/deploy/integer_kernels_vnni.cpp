#include "core/deploy/exact_codes.h"
#include "core/deploy/integer_kernels.h"
#include "core/types/with_rounding.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <algorithm>
#include <cmath>
#include <cstring>

// GCC 12's own intrinsics pass an undefined register on purpose (x = x) and are warned about when inlined here.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi,fma")
#include <immintrin.h>

namespace bitlathe::core {

namespace {

__m512i broadcastQuad(const std::uint8_t* bytes) {
    std::int32_t quad = 0;
    std::memcpy(&quad, bytes, sizeof quad);
    return _mm512_set1_epi32(quad);
}

/// P pixels times B blocks of channels, all sums in registers. Pixels are reached from a pointer for every four of
/// them, by once, twice and three times the step: that many addresses fit the registers.
template <int P, int B>
void dotTile(const DotTask& task, int firstPixel, int firstBlock) {
    constexpr int kGroups = (P + 3) / 4;
    const std::ptrdiff_t blockBytes = std::ptrdiff_t{task.segments} * task.quads * 4 * kLanes;
    const std::ptrdiff_t step = task.pixelStep;
    const std::ptrdiff_t threeSteps = 3 * step;
    __m512i sums[P][B];
    for (int b = 0; b < B; ++b) {
        const __m512i bias = _mm512_loadu_si512(task.bias + (firstBlock + b) * kLanes);
        for (int p = 0; p < P; ++p) {
            sums[p][b] = bias;
        }
    }
    const std::uint8_t* const input = task.input + firstPixel * step;
    const std::int8_t* w = task.weights + firstBlock * blockBytes;
    for (int s = 0; s < task.segments; ++s) {
        const std::uint8_t* x[kGroups];
        for (int g = 0; g < kGroups; ++g) {
            x[g] = input + task.offsets[s] + 4 * g * step;
        }
        for (int q = 0; q < task.quads; ++q, w += 4 * kLanes) {
            __m512i weights[B];
            for (int b = 0; b < B; ++b) {
                weights[b] = _mm512_loadu_si512(w + b * blockBytes);
            }
#pragma GCC unroll 12
            for (int p = 0; p < P; ++p) {
                const std::uint8_t* const group = x[p / 4];
                const std::uint8_t* const pixel = p % 4 == 0   ? group
                                                  : p % 4 == 1 ? group + step
                                                  : p % 4 == 2 ? group + 2 * step
                                                               : group + threeSteps;
                const __m512i quad = broadcastQuad(pixel);
                for (int b = 0; b < B; ++b) {
                    sums[p][b] = _mm512_dpbusd_epi32(sums[p][b], quad, weights[b]);
                }
            }
            for (int g = 0; g < kGroups; ++g) {
                x[g] += 4;
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
        dotBlocks<4, 4>(task, block);
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

/// Up to three taps of 16 channels each to the taps of each channel side by side; the fourth byte of a channel meets
/// weight 0.
__m512i tapsByChannel(const std::uint8_t* first, std::ptrdiff_t tapStep, __m512i order) {
    const auto* const bytes = reinterpret_cast<const char*>(first);
    const __m128i one = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    const __m128i two = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + tapStep));
    const __m128i three = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 2 * tapStep));
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(one), two, 1);
    const __m512i taps = _mm512_inserti32x4(_mm512_castsi256_si512(low), three, 2);
    return _mm512_permutexvar_epi8(order, taps);
}

/// Rows of three taps, G of them, as dot products of bytes.
template <int P, int G>
void depthwiseRows(const DepthwiseTask& task, int firstPixel, int block, __m512i order) {
    const int stride = task.blocks * kLanes;
    __m512i weights[G];
    for (int g = 0; g < G; ++g) {
        weights[g] = _mm512_loadu_si512(task.byteWeights + (g * task.blocks + block) * 4 * kLanes);
    }
    const __m512i bias = _mm512_loadu_si512(task.bias + block * kLanes);
    const std::uint8_t* input = task.input + firstPixel * task.pixelStep + block * kLanes;
    for (int p = 0; p < P; ++p, input += task.pixelStep) {
        __m512i sum = bias;
        for (int g = 0; g < G; ++g) {
            sum = _mm512_dpbusd_epi32(sum, tapsByChannel(input + task.groupOffsets[g], task.tapStep, order),
                                      weights[g]);
        }
        _mm512_storeu_si512(task.accumulators + (firstPixel + p) * stride + block * kLanes, sum);
    }
}

/// Byte 4 l + t of the result is byte 16 t + l: tap t of channel l.
__m512i channelOrder() {
    alignas(64) std::uint8_t order[64];
    for (int lane = 0; lane < kLanes; ++lane) {
        for (int tap = 0; tap < 4; ++tap) {
            order[4 * lane + tap] = static_cast<std::uint8_t>(std::min(tap, 2) * kLanes + lane);
        }
    }
    return _mm512_load_si512(order);
}

void depthwise3x3(const DepthwiseTask& task) {
    const __m512i order = channelOrder();
    for (int block = 0; block < task.blocks; ++block) {
        int p = 0;
        for (; p + 4 <= task.pixels; p += 4) {
            depthwiseRows<4, 3>(task, p, block, order);
        }
        for (; p < task.pixels; ++p) {
            depthwiseRows<1, 3>(task, p, block, order);
        }
    }
}

void depthwise(const DepthwiseTask& task) {
    if (task.byteWeights != nullptr && task.groups == 3 && task.taps == 9) {
        return depthwise3x3(task);
    }
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

/// Low bytes of the lanes in the mask. Narrowing straight into memory is microcode on some processors.
void storeBytes(std::uint8_t* out, __m512i codes, __mmask16 mask) {
    const __m128i bytes = _mm512_cvtepi32_epi8(codes);
    if (mask == 0xFFFF) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    } else {
        _mm_mask_storeu_epi8(out, mask, bytes);
    }
}

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

/// |x| of every lane.
__m512 magnitude(__m512 x) {
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7FFFFFFF)));
}

/// Codes in float32, and whether they can be trusted. Within the clamp |code| <= 2^9, so three roundings (of the
/// accumulator, the factor and the product with the zero point) stray by less than 2^-12 of a step: only a lane
/// that lies so near a rounding boundary needs the exact product. Values outside the clamp end at its ends in
/// both arithmetics.
struct QuickCodes {
    __m512 zero, lower, upper;

    explicit QuickCodes(const RequantizeTable& table)
        // Floor has its boundaries at whole numbers: half a step lower they are where nearest rounding has them.
        : zero(_mm512_set1_ps(static_cast<float>(table.zeroPoint) -
                              (table.rounding == Rounding::Floor ? 0.5F : 0.0F))),
          lower(_mm512_set1_ps(static_cast<float>(table.lower))),
          upper(_mm512_set1_ps(static_cast<float>(table.upper))) {}

    bool areSafe(__m512 codes) const {
        const __m512 fraction =
            magnitude(_mm512_reduce_ps(codes, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        return _mm512_cmp_ps_mask(fraction, _mm512_set1_ps(0.5F - 0x1p-12F), _CMP_GE_OQ) == 0;
    }
    __m512 clamped(__m512 codes) const { return _mm512_min_ps(_mm512_max_ps(codes, lower), upper); }
};

template <Rounding R, bool Wide>
void requantizeRuns(const RequantizeTask& task, const RequantizeTable& table) {
    const __m512i zero = _mm512_set1_epi32(table.zeroPoint);
    const __m512i lower = _mm512_set1_epi32(table.lower - table.zeroPoint);
    const __m512i upper = _mm512_set1_epi32(table.upper - table.zeroPoint);
    const QuickCodes quick(table);
    for (int c = 0; c < task.channels; c += kLanes) {
        const Factors factors(table, c);
        const __m512 realFactors = _mm512_loadu_ps(&table.factors[static_cast<std::size_t>(c)]);
        const int left = std::min(task.channels - c, kLanes);
        const auto mask = static_cast<__mmask16>((1U << left) - 1U);
        const std::int32_t* acc = task.accumulators + c;
        std::uint8_t* out = task.output + c;
        for (int p = 0; p < task.pixels; ++p) {
            const __m512i sums = _mm512_loadu_si512(acc);
            const __m512 real =
                quick.clamped(_mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), realFactors, quick.zero));
            if (quick.areSafe(real)) [[likely]] {
                storeBytes(out, _mm512_cvtps_epi32(real), mask);
            } else {
                const __m512i codes = codesOf<R, Wide>(sums, factors, lower, upper);
                storeBytes(out, _mm512_add_epi32(codes, zero), mask);
            }
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
            storeBytes(task.output + p * task.outputStep + c, code, mask);
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
    withRounding(table.rounding, [&]<Rounding R>() { requantizeAs<R>(task, table); });
}

/// Eight sums by 64-bit integers.
template <Rounding R>
__m128i eightExactSums(const AddTask& task, std::size_t i) {
    const __m512i a = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(task.a + i)));
    const __m512i b = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(task.b + i)));
    const __m512i products = _mm512_add_epi64(_mm512_mul_epi32(a, _mm512_set1_epi64(task.mantissaA)),
                                              _mm512_mul_epi32(b, _mm512_set1_epi64(task.mantissaB)));
    const __m512i sum = _mm512_add_epi64(products, _mm512_set1_epi64(task.offset));
    const __m512i code = roundedShift<R>(sum, _mm512_set1_epi64(task.shift),
                                         _mm512_set1_epi64(std::int64_t{1} << (task.shift - 1)));
    const __m512i lower = _mm512_set1_epi64(task.lower - task.zeroPoint);
    const __m512i upper = _mm512_set1_epi64(task.upper - task.zeroPoint);
    const __m512i clamped = _mm512_min_epi64(_mm512_max_epi64(code, lower), upper);
    return _mm512_cvtepi64_epi8(_mm512_add_epi64(clamped, _mm512_set1_epi64(task.zeroPoint)));
}

__m512 realCodes(const std::uint8_t* bytes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
}

template <Rounding R>
void addRuns(const AddTask& task) {
    RequantizeTable clamp;
    clamp.zeroPoint = task.zeroPoint;
    clamp.lower = task.lower;
    clamp.upper = task.upper;
    clamp.rounding = R;
    const QuickCodes quick(clamp);
    const float unit = std::ldexp(1.0F, -task.shift);
    const __m512 factorA = _mm512_set1_ps(static_cast<float>(task.mantissaA) * unit);
    const __m512 factorB = _mm512_set1_ps(static_cast<float>(task.mantissaB) * unit);
    const __m512 offset = _mm512_add_ps(_mm512_set1_ps(static_cast<float>(task.offset) * unit), quick.zero);
    const bool isQuick = areTermsSmall(task);
    for (std::size_t i = 0; i < task.count; i += kLanes) {
        const std::size_t left = std::min<std::size_t>(task.count - i, kLanes);
        const auto mask = static_cast<__mmask16>((1U << left) - 1U);
        const __m512 sum = quick.clamped(_mm512_fmadd_ps(
            realCodes(task.a + i), factorA, _mm512_fmadd_ps(realCodes(task.b + i), factorB, offset)));
        if (isQuick && quick.areSafe(sum)) [[likely]] {
            storeBytes(task.output + i, _mm512_cvtps_epi32(sum), mask);
            continue;
        }
        const __m128i bytes = _mm_unpacklo_epi64(eightExactSums<R>(task, i), eightExactSums<R>(task, i + 8));
        _mm_mask_storeu_epi8(task.output + i, mask, bytes);
    }
}

void add(const AddTask& task) {
    withRounding(task.rounding, [&]<Rounding R>() { addRuns<R>(task); });
}

}  // namespace

}  // namespace bitlathe::core

#pragma GCC pop_options

namespace bitlathe::core {

const IntegerKernels* vnniKernels() noexcept {
    static constexpr IntegerKernels kKernels{"avx512_vnni", dot, depthwise, requantize, add};
    static const bool isSupported =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
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
