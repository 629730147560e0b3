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
#pragma GCC target("avx2,fma")
#include <immintrin.h>

namespace bitlathe::core {

namespace {

// Products of bytes are summed by vpmaddwd on widened bytes: vpmaddubsw would be one instruction less, but it
// saturates at 16 bits (255 * 127 twice is 64770).

constexpr int kHalf = kLanes / 2;  // channels in a register of sums

__m128i load16(const void* bytes) {
    return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
}
__m256i load32(const void* bytes) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}
void store32(void* bytes, __m256i value) {
    _mm256_storeu_si256(static_cast<__m256i*>(bytes), value);
}

/// Four bytes as 16-bit numbers, four times.
__m256i widenedQuad(const std::uint8_t* bytes) {
    std::int32_t quad = 0;
    std::memcpy(&quad, bytes, sizeof quad);
    return _mm256_cvtepu8_epi16(_mm_set1_epi32(quad));
}

/// Two sums a channel of channels 0..3 and 4..7, added: one sum of each of the eight.
__m256i pairsAdded(__m256i low, __m256i high) {
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0b11'01'10'00);
}

/// P pixels times one block of channels. A register holds two sums, of even and of odd pairs of bytes, of four channels.
template <int P>
void dotTile(const DotTask& task, int firstPixel, int block) {
    __m256i sums[P][4];
    for (int p = 0; p < P; ++p) {
        for (int k = 0; k < 4; ++k) {
            sums[p][k] = _mm256_setzero_si256();
        }
    }
    const std::ptrdiff_t blockBytes = std::ptrdiff_t{task.segments} * task.quads * 4 * kLanes;
    const std::uint8_t* const input = task.input + firstPixel * task.pixelStep;
    const std::int8_t* w = task.weights + block * blockBytes;
    for (int s = 0; s < task.segments; ++s) {
        const std::uint8_t* x = input + task.offsets[s];
        for (int q = 0; q < task.quads; ++q, x += 4, w += 4 * kLanes) {
            __m256i quads[P];
            for (int p = 0; p < P; ++p) {
                quads[p] = widenedQuad(x + p * task.pixelStep);
            }
            for (int k = 0; k < 4; ++k) {
                const __m256i weights = _mm256_cvtepi8_epi16(load16(w + 16 * k));
                for (int p = 0; p < P; ++p) {
                    sums[p][k] = _mm256_add_epi32(sums[p][k], _mm256_madd_epi16(quads[p], weights));
                }
            }
        }
    }
    const int stride = task.blocks * kLanes;
    const std::int32_t* const bias = task.bias + block * kLanes;
    for (int p = 0; p < P; ++p) {
        std::int32_t* const out = task.accumulators + (firstPixel + p) * stride + block * kLanes;
        store32(out, _mm256_add_epi32(load32(bias), pairsAdded(sums[p][0], sums[p][1])));
        store32(out + kHalf, _mm256_add_epi32(load32(bias + kHalf), pairsAdded(sums[p][2], sums[p][3])));
    }
}

void dot(const DotTask& task) {
    for (int block = 0; block < task.blocks; ++block) {
        int p = 0;
        for (; p + 2 <= task.pixels; p += 2) {
            dotTile<2>(task, p, block);
        }
        if (p < task.pixels) {
            dotTile<1>(task, p, block);
        }
    }
}

/// Weights of two taps of eight channels side by side as 16-bit numbers: a code of at most 8 bits less a zero point of
/// as many fits.
__m256i weightPairs(const std::int32_t* first, const std::int32_t* second) {
    const __m256i low = _mm256_and_si256(load32(first), _mm256_set1_epi32(0xFFFF));
    return _mm256_or_si256(low, _mm256_slli_epi32(load32(second), 16));
}

/// One block of channels; taps go in pairs, an odd one with a pair of weight 0.
void depthwiseBlock(const DepthwiseTask& task, int block) {
    constexpr int kMostPairs = 16;  // 5 x 5 taps are 13; more of them take another round over the sums
    const int stride = task.blocks * kLanes;
    const std::int32_t none[kLanes] = {};
    for (int first = 0; first == 0 || first < task.taps; first += 2 * kMostPairs) {
        const int taps = std::min(task.taps - first, 2 * kMostPairs);
        const int pairs = (taps + 1) / 2;
        __m256i weights[2 * kMostPairs];
        for (int k = 0; k < pairs; ++k) {
            const std::int32_t* const w = task.weights + (first + 2 * k) * stride + block * kLanes;
            const std::int32_t* const next = 2 * k + 1 < taps ? w + stride : none;
            weights[2 * k] = weightPairs(w, next);
            weights[2 * k + 1] = weightPairs(w + kHalf, next + kHalf);
        }
        for (int p = 0; p < task.pixels; ++p) {
            const std::uint8_t* const x = task.input + p * task.pixelStep + block * kLanes;
            std::int32_t* const out = task.accumulators + p * stride + block * kLanes;
            const std::int32_t* const start = first == 0 ? task.bias + block * kLanes : out;
            __m256i low = load32(start);
            __m256i high = load32(start + kHalf);
            for (int k = 0; k < pairs; ++k) {
                const __m128i a = load16(x + task.offsets[first + 2 * k]);
                const __m128i b = 2 * k + 1 < taps ? load16(x + task.offsets[first + 2 * k + 1]) : a;
                low = _mm256_add_epi32(
                    low, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)), weights[2 * k]));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b)),
                                                                weights[2 * k + 1]));
            }
            store32(out, low);
            store32(out + kHalf, high);
        }
    }
}

void depthwise(const DepthwiseTask& task) {
    for (int block = 0; block < task.blocks; ++block) {
        depthwiseBlock(task, block);
    }
}

/// Low bytes of the first `count` lanes, 1..8.
void storeBytes(std::uint8_t* out, __m256i codes, int count) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
    if (count == kHalf) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out), bytes);
    } else {
        std::uint8_t all[16];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(all), bytes);
        std::copy_n(all, count, out);
    }
}

/// Codes in float32, and whether they can be trusted. Within the clamp |code| <= 2^9, so three roundings (of the
/// accumulator, the factor and the product with the zero point) stray by less than 2^-12 of a step: only a lane
/// that lies so near a rounding boundary needs the exact product. Values outside the clamp end at its ends in
/// both arithmetics.
struct QuickCodes {
    __m256 zero, lower, upper;

    QuickCodes(Rounding rounding, std::int32_t zeroPoint, std::int32_t lowest, std::int32_t highest)
        // Floor has its boundaries at whole numbers: half a step lower they are where nearest rounding has them.
        : zero(_mm256_set1_ps(static_cast<float>(zeroPoint) - (rounding == Rounding::Floor ? 0.5F : 0.0F))),
          lower(_mm256_set1_ps(static_cast<float>(lowest))),
          upper(_mm256_set1_ps(static_cast<float>(highest))) {}

    bool areSafe(__m256 codes) const {
        const __m256 nearest = _mm256_round_ps(codes, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        const __m256 fraction = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(codes, nearest));
        return _mm256_movemask_ps(_mm256_cmp_ps(fraction, _mm256_set1_ps(0.5F - 0x1p-12F), _CMP_GE_OQ)) == 0;
    }
    __m256 clamped(__m256 codes) const { return _mm256_min_ps(_mm256_max_ps(codes, lower), upper); }
};

template <Rounding R>
void requantizeRuns(const RequantizeTask& task, const RequantizeTable& table) {
    const QuickCodes quick(R, table.zeroPoint, table.lower, table.upper);
    for (int c = 0; c < task.channels; c += kHalf) {
        const __m256 factors = _mm256_loadu_ps(&table.factors[static_cast<std::size_t>(c)]);
        const int count = std::min(task.channels - c, kHalf);
        const std::int32_t* acc = task.accumulators + c;
        std::uint8_t* out = task.output + c;
        for (int p = 0; p < task.pixels; ++p) {
            const __m256 real =
                quick.clamped(_mm256_fmadd_ps(_mm256_cvtepi32_ps(load32(acc)), factors, quick.zero));
            if (quick.areSafe(real)) [[likely]] {
                storeBytes(out, _mm256_cvtps_epi32(real), count);
            } else {
                exactCodes<R>(acc, out, c, count, table);
            }
            acc += task.accumulatorStep;
            out += task.outputStep;
        }
    }
}

void requantizeByThresholds(const RequantizeTask& task, const RequantizeTable& table) {
    const int padded = paddedLanes(table.channels);
    for (int c = 0; c < task.channels; c += kHalf) {
        const int count = std::min(task.channels - c, kHalf);
        const __m256i base = load32(&table.bases[static_cast<std::size_t>(c)]);
        const __m256i direction = load32(&table.directions[static_cast<std::size_t>(c)]);
        for (int p = 0; p < task.pixels; ++p) {
            const __m256i acc = load32(task.accumulators + p * task.accumulatorStep + c);
            __m256i code = base;
            for (int k = 0; k < table.steps; ++k) {
                const __m256i bound = load32(&table.bounds[static_cast<std::size_t>(k * padded + c)]);
                code = _mm256_add_epi32(code, _mm256_andnot_si256(_mm256_cmpgt_epi32(bound, acc), direction));
            }
            storeBytes(task.output + p * task.outputStep + c, code, count);
        }
    }
}

void requantize(const RequantizeTask& task, const RequantizeTable& table) {
    if (!table.bases.empty()) {
        return requantizeByThresholds(task, table);
    }
    withRounding(table.rounding, [&]<Rounding R>() { requantizeRuns<R>(task, table); });
}

__m256 realCodes(const std::uint8_t* bytes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes))));
}

template <Rounding R>
void addRuns(const AddTask& task) {
    const QuickCodes quick(R, task.zeroPoint, task.lower, task.upper);
    const float unit = std::ldexp(1.0F, -task.shift);
    const __m256 factorA = _mm256_set1_ps(static_cast<float>(task.mantissaA) * unit);
    const __m256 factorB = _mm256_set1_ps(static_cast<float>(task.mantissaB) * unit);
    const __m256 offset = _mm256_add_ps(_mm256_set1_ps(static_cast<float>(task.offset) * unit), quick.zero);
    const bool isQuick = areTermsSmall(task);
    for (std::size_t i = 0; i < task.count; i += kHalf) {
        const std::size_t count = std::min<std::size_t>(task.count - i, kHalf);
        const __m256 sum = quick.clamped(_mm256_fmadd_ps(
            realCodes(task.a + i), factorA, _mm256_fmadd_ps(realCodes(task.b + i), factorB, offset)));
        if (isQuick && quick.areSafe(sum)) [[likely]] {
            storeBytes(task.output + i, _mm256_cvtps_epi32(sum), static_cast<int>(count));
        } else {
            exactSums<R>(task, i, count);
        }
    }
}

void add(const AddTask& task) {
    withRounding(task.rounding, [&]<Rounding R>() { addRuns<R>(task); });
}

}  // namespace

}  // namespace bitlathe::core

#pragma GCC pop_options

namespace bitlathe::core {

const IntegerKernels* avx2Kernels() noexcept {
    static constexpr IntegerKernels kKernels{"avx2", dot, depthwise, requantize, add};
    static const bool isSupported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return isSupported ? &kKernels : nullptr;
}

}  // namespace bitlathe::core

#else

namespace bitlathe::core {

const IntegerKernels* avx2Kernels() noexcept {
    return nullptr;
}

}  // namespace bitlathe::core

#endif
