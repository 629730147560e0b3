#include "core/quantizers/fake_quantize.h"

#include "core/quantizers/level_table.h"
#include "core/types/error.h"
#include "core/types/vectorised.h"
#include "core/types/with_rounding.h"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

namespace bitlathe::core {

namespace {

// Why the kernels divide: for scale 0.01f and x = 0.295f, x / scale is 29.5 and becomes code 30 (half to
// even), while x * (1 / scale) is 29.4999981 and becomes 29. ONNX QuantizeLinear and every runtime that
// follows it divide.

/// One slice's grid as the kernels use it: the codes' limits relative to the zero point. Codes have at most
/// 16 bits, so limits and rounded values in between are exact in float.
struct Slice {
    float scale;
    float lower;  ///< quantMin - zeroPoint
    float upper;  ///< quantMax - zeroPoint
    std::int32_t zeroPoint;

    Slice(const QParams& qparams, std::size_t channel)
        : scale(qparams.scale[channel]),
          lower(static_cast<float>(qparams.quantMin - qparams.zeroPoint[channel])),
          upper(static_cast<float>(qparams.quantMax - qparams.zeroPoint[channel])),
          zeroPoint(qparams.zeroPoint[channel]) {}
};

#define BITLATHE_ALWAYS __attribute__((always_inline))
#define BITLATHE_INLINE BITLATHE_ALWAYS inline

/// round(x / scale) clamped to the codes, relative to the zero point. NaN compares unequal to itself and
/// becomes 0.
template <Rounding R>
BITLATHE_INLINE float relativeCode(float x, float scale, float lower, float upper) {
    float code = x / scale;
    code = code == code ? code : 0.0F;
    code = roundTo(code, R);
    code = code < lower ? lower : code;
    return code > upper ? upper : code;
}

// The loops promise the compiler (ivdep) that no iteration reads what another wrote: in and out are the same
// memory or do not overlap at all.

template <Rounding R>
BITLATHE_INLINE void fakeQuantizeRun(const float* in, float* out, std::size_t count, const Slice& slice) {
    const float scale = slice.scale;
    const float lower = slice.lower;
    const float upper = slice.upper;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        // + 0 turns the -0 that rounding -0.3 leaves into the +0 that integer codes give.
        out[i] = relativeCode<R>(in[i], scale, lower, upper) * scale + 0.0F;
    }
}

template <Rounding R>
BITLATHE_INLINE void quantizeRun(const float* in, std::int32_t* out, std::size_t count, const Slice& slice) {
    const float scale = slice.scale;
    const float lower = slice.lower;
    const float upper = slice.upper;
    const std::int32_t zeroPoint = slice.zeroPoint;
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = static_cast<std::int32_t>(relativeCode<R>(in[i], scale, lower, upper)) + zeroPoint;
    }
}

/// `period` values share the parameter arrays' layout; count is a multiple of it but for the last part.
template <Rounding R>
BITLATHE_INLINE void interleavedRun(const float* in, float* out, std::size_t count, std::size_t period,
                                    const float* scale, const float* lower, const float* upper) {
    for (std::size_t begin = 0; begin < count; begin += period) {
        const std::size_t length = count - begin < period ? count - begin : period;
        const float* const source = in + begin;
        float* const target = out + begin;
#pragma GCC ivdep
        for (std::size_t i = 0; i < length; ++i) {
            target[i] = relativeCode<R>(source[i], scale[i], lower[i], upper[i]) * scale[i] + 0.0F;
        }
    }
}

template <Rounding R>
BITLATHE_INLINE void backwardRun(const float* x, const float* gradient, float* out, std::size_t count,
                                 const Slice& slice) {
    const float scale = slice.scale;
    const float lower = slice.lower;
    const float upper = slice.upper;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        // NaN fails both comparisons: no gradient.
        const float code = roundTo(x[i] / scale, R);
        out[i] = (code >= lower) & (code <= upper) ? gradient[i] : 0.0F;
    }
}

template <Rounding R>
BITLATHE_INLINE void maskedRun(const float* in, float* out, std::uint8_t* mask, std::size_t count,
                               const Slice& slice) {
    const float scale = slice.scale;
    const float lower = slice.lower;
    const float upper = slice.upper;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        const float unclamped = roundTo(in[i] / scale, R);
        mask[i] = (unclamped >= lower) & (unclamped <= upper) ? 1 : 0;
        out[i] = relativeCode<R>(in[i], scale, lower, upper) * scale + 0.0F;
    }
}

template <Rounding R>
BITLATHE_INLINE void interleavedMaskedRun(const float* in, float* out, std::uint8_t* mask, std::size_t count,
                                          std::size_t period, const float* scale, const float* lower,
                                          const float* upper) {
    for (std::size_t begin = 0; begin < count; begin += period) {
        const std::size_t length = count - begin < period ? count - begin : period;
        const float* const source = in + begin;
        float* const target = out + begin;
        std::uint8_t* const passes = mask + begin;
#pragma GCC ivdep
        for (std::size_t i = 0; i < length; ++i) {
            const float unclamped = roundTo(source[i] / scale[i], R);
            passes[i] = (unclamped >= lower[i]) & (unclamped <= upper[i]) ? 1 : 0;
            target[i] = relativeCode<R>(source[i], scale[i], lower[i], upper[i]) * scale[i] + 0.0F;
        }
    }
}

BITLATHE_VECTORISED void fakeQuantizeKernel(const float* in, float* out, std::size_t count,
                                            const Slice& slice, Rounding rounding) {
    withRounding(rounding, [&]<Rounding R>() BITLATHE_ALWAYS { fakeQuantizeRun<R>(in, out, count, slice); });
}

BITLATHE_VECTORISED void quantizeKernel(const float* in, std::int32_t* out, std::size_t count,
                                        const Slice& slice, Rounding rounding) {
    withRounding(rounding, [&]<Rounding R>() BITLATHE_ALWAYS { quantizeRun<R>(in, out, count, slice); });
}

BITLATHE_VECTORISED void interleavedKernel(const float* in, float* out, std::size_t count, std::size_t period,
                                           const float* scale, const float* lower, const float* upper,
                                           Rounding rounding) {
    withRounding(rounding, [&]<Rounding R>() BITLATHE_ALWAYS {
        interleavedRun<R>(in, out, count, period, scale, lower, upper);
    });
}

BITLATHE_VECTORISED void backwardKernel(const float* x, const float* gradient, float* out, std::size_t count,
                                        const Slice& slice, Rounding rounding) {
    withRounding(rounding,
                 [&]<Rounding R>() BITLATHE_ALWAYS { backwardRun<R>(x, gradient, out, count, slice); });
}

BITLATHE_VECTORISED void maskedKernel(const float* in, float* out, std::uint8_t* mask, std::size_t count,
                                      const Slice& slice, Rounding rounding) {
    withRounding(rounding, [&]<Rounding R>() BITLATHE_ALWAYS { maskedRun<R>(in, out, mask, count, slice); });
}

BITLATHE_VECTORISED void interleavedMaskedKernel(const float* in, float* out, std::uint8_t* mask,
                                                 std::size_t count, std::size_t period, const float* scale,
                                                 const float* lower, const float* upper, Rounding rounding) {
    withRounding(rounding, [&]<Rounding R>() BITLATHE_ALWAYS {
        interleavedMaskedRun<R>(in, out, mask, count, period, scale, lower, upper);
    });
}

BITLATHE_VECTORISED void clampMaskKernel(const float* x, std::uint8_t* mask, std::size_t count, float lower,
                                         float upper) {
    for (std::size_t i = 0; i < count; ++i) {
        mask[i] = (x[i] >= lower) & (x[i] <= upper) ? 1 : 0;
    }
}

BITLATHE_VECTORISED void maskGradientKernel(const std::uint8_t* mask, const float* gradient, float* out,
                                            std::size_t count) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        // 1 becomes all ones, 0 stays: a comparison of bytes would not fill float vectors.
        const std::uint32_t passes = 0U - mask[i];
        out[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(gradient[i]) & passes);
    }
}

BITLATHE_VECTORISED void clampBackwardKernel(const float* x, const float* gradient, float* out,
                                             std::size_t count, float lower, float upper) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = (x[i] >= lower) & (x[i] <= upper) ? gradient[i] : 0.0F;
    }
}

void requirePixels(std::size_t count, const QParams& qparams, const char* where) {
    const std::size_t channels = qparams.scale.size();
    if (channels == 0 || count % channels != 0) {
        throw Error(ErrorCode::ShapeMismatch, std::string(where) + ": " + std::to_string(count) +
                                                  " values are not whole pixels of " +
                                                  std::to_string(channels) + " channels");
    }
}

/// Scale and limits of every value of a few whole pixels, so that the loops over channels-last runs are long
/// whatever the number of channels.
struct PixelParameters {
    std::size_t period;
    std::vector<float> values;  ///< scales, lower limits, upper limits

    explicit PixelParameters(const QParams& qparams) {
        const std::size_t channels = qparams.scale.size();
        constexpr std::size_t kShortestLoop = 256;
        period = channels * (channels >= kShortestLoop ? 1 : (kShortestLoop + channels - 1) / channels);
        values.resize(3 * period);
        for (std::size_t i = 0; i < period; ++i) {
            const Slice slice(qparams, i % channels);
            values[i] = slice.scale;
            values[period + i] = slice.lower;
            values[2 * period + i] = slice.upper;
        }
    }
    const float* scale() const { return values.data(); }
    const float* lower() const { return values.data() + period; }
    const float* upper() const { return values.data() + 2 * period; }
};

void requireSizes(std::size_t in, std::size_t out, const char* where) {
    if (in != out) {
        throw Error(ErrorCode::ShapeMismatch, std::string(where) + ": " + std::to_string(in) +
                                                  " values in but room for " + std::to_string(out) + " out");
    }
}

/// Checks that outer * channels * inner values are there and that per-channel qparams have one entry per
/// channel.
void requireSplit(std::size_t count, const QParams& qparams, std::int64_t outer, std::int64_t channels,
                  std::int64_t inner, const char* where) {
    if (static_cast<std::int64_t>(count) != outer * channels * inner) {
        throw Error(ErrorCode::ShapeMismatch, std::string(where) + ": " + std::to_string(count) +
                                                  " values cannot be split as " + std::to_string(outer) +
                                                  " x " + std::to_string(channels) + " x " +
                                                  std::to_string(inner));
    }
    if (qparams.isPerChannel() && static_cast<std::int64_t>(qparams.scale.size()) != channels) {
        throw Error(ErrorCode::ShapeMismatch, std::string(where) + ": " +
                                                  std::to_string(qparams.scale.size()) + " scales for " +
                                                  std::to_string(channels) + " channels");
    }
}

/// Tables are looked up run by run: a block of pixels is turned so that one channel's values lie side by side.
void interleavedByTable(std::span<const float> in, std::span<float> out, const QParams& qparams) {
    constexpr std::size_t kPixels = 256;
    const std::size_t channels = qparams.tables.size();
    const std::size_t pixels = in.size() / channels;
    std::vector<float> run(kPixels);
    for (std::size_t begin = 0; begin < pixels; begin += kPixels) {
        const std::size_t count = std::min(kPixels, pixels - begin);
        for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t first = begin * channels + c;
            for (std::size_t i = 0; i < count; ++i) {
                run[i] = in[first + i * channels];
            }
            const std::span<float> values(run.data(), count);
            fakeQuantizeByTable(values, values, qparams.tables[c]);
            for (std::size_t i = 0; i < count; ++i) {
                out[first + i * channels] = run[i];
            }
        }
    }
}

}  // namespace

void fakeQuantize(std::span<const float> in, std::span<float> out, const QParams& qparams,
                  std::size_t channel) {
    requireSizes(in.size(), out.size(), "fakeQuantize");
    if (!qparams.isUniform()) {
        fakeQuantizeByTable(in, out, qparams.tables[channel]);
        return;
    }
    fakeQuantizeKernel(in.data(), out.data(), in.size(), Slice(qparams, channel), qparams.rounding);
}

void quantize(std::span<const float> in, std::span<std::int32_t> out, const QParams& qparams,
              std::size_t channel) {
    requireSizes(in.size(), out.size(), "quantize");
    if (!qparams.isUniform()) {
        quantizeByTable(in, out, qparams.tables[channel]);
        return;
    }
    quantizeKernel(in.data(), out.data(), in.size(), Slice(qparams, channel), qparams.rounding);
}

void fakeQuantizeInterleaved(std::span<const float> in, std::span<float> out, const QParams& qparams) {
    requireSizes(in.size(), out.size(), "fakeQuantizeInterleaved");
    requirePixels(in.size(), qparams, "fakeQuantizeInterleaved");
    if (!qparams.isUniform()) {
        interleavedByTable(in, out, qparams);
        return;
    }
    const PixelParameters pixels(qparams);
    interleavedKernel(in.data(), out.data(), in.size(), pixels.period, pixels.scale(), pixels.lower(),
                      pixels.upper(), qparams.rounding);
}

void fakeQuantizeMasked(std::span<const float> in, std::span<float> out, std::span<std::uint8_t> mask,
                        const QParams& qparams, std::size_t channel) {
    requireSizes(in.size(), out.size(), "fakeQuantizeMasked");
    requireSizes(in.size(), mask.size(), "fakeQuantizeMasked");
    if (!qparams.isUniform()) {
        const LevelTable& table = qparams.tables[channel];
        clampMaskKernel(in.data(), mask.data(), in.size(), table.levels.front(), table.levels.back());
        fakeQuantizeByTable(in, out, table);
        return;
    }
    maskedKernel(in.data(), out.data(), mask.data(), in.size(), Slice(qparams, channel), qparams.rounding);
}

void fakeQuantizeInterleavedMasked(std::span<const float> in, std::span<float> out,
                                   std::span<std::uint8_t> mask, const QParams& qparams) {
    requireSizes(in.size(), out.size(), "fakeQuantizeInterleavedMasked");
    requireSizes(in.size(), mask.size(), "fakeQuantizeInterleavedMasked");
    requirePixels(in.size(), qparams, "fakeQuantizeInterleavedMasked");
    if (!qparams.isUniform()) {
        const std::size_t channels = qparams.tables.size();
        for (std::size_t i = 0; i < in.size(); ++i) {
            const LevelTable& table = qparams.tables[i % channels];
            mask[i] = (in[i] >= table.levels.front()) & (in[i] <= table.levels.back()) ? 1 : 0;
        }
        interleavedByTable(in, out, qparams);
        return;
    }
    const PixelParameters pixels(qparams);
    interleavedMaskedKernel(in.data(), out.data(), mask.data(), in.size(), pixels.period, pixels.scale(),
                            pixels.lower(), pixels.upper(), qparams.rounding);
}

void maskGradient(std::span<const std::uint8_t> mask, std::span<const float> gradient, std::span<float> out) {
    requireSizes(mask.size(), out.size(), "maskGradient");
    requireSizes(gradient.size(), out.size(), "maskGradient");
    maskGradientKernel(mask.data(), gradient.data(), out.data(), out.size());
}

void fakeQuantizeBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> out,
                          const QParams& qparams, std::size_t channel) {
    requireSizes(x.size(), out.size(), "fakeQuantizeBackward");
    requireSizes(gradient.size(), out.size(), "fakeQuantizeBackward");
    if (!qparams.isUniform()) {
        const LevelTable& table = qparams.tables[channel];
        clampBackwardKernel(x.data(), gradient.data(), out.data(), x.size(), table.levels.front(),
                            table.levels.back());
        return;
    }
    backwardKernel(x.data(), gradient.data(), out.data(), x.size(), Slice(qparams, channel),
                   qparams.rounding);
}

void clampBackward(std::span<const float> x, std::span<const float> gradient, std::span<float> out,
                   float lower, float upper) {
    requireSizes(x.size(), out.size(), "clampBackward");
    requireSizes(gradient.size(), out.size(), "clampBackward");
    clampBackwardKernel(x.data(), gradient.data(), out.data(), x.size(), lower, upper);
}

void fakeQuantizeTensor(std::span<const float> in, std::span<float> out, const QParams& qparams,
                        std::int64_t outer, std::int64_t channels, std::int64_t inner) {
    requireSplit(in.size(), qparams, outer, channels, inner, "fakeQuantizeTensor");
    if (!qparams.isPerChannel()) {
        fakeQuantize(in, out, qparams);
        return;
    }
    if (inner == 1) {
        fakeQuantizeInterleaved(in, out, qparams);
        return;
    }
    const auto run = static_cast<std::size_t>(inner);
    std::size_t begin = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t c = 0; c < channels; ++c, begin += run) {
            fakeQuantize(in.subspan(begin, run), out.subspan(begin, run), qparams,
                         static_cast<std::size_t>(c));
        }
    }
}

void quantizeTensor(std::span<const float> in, std::span<std::int32_t> out, const QParams& qparams,
                    std::int64_t outer, std::int64_t channels, std::int64_t inner) {
    requireSplit(in.size(), qparams, outer, channels, inner, "quantizeTensor");
    if (!qparams.isPerChannel()) {
        quantize(in, out, qparams);
        return;
    }
    const auto run = static_cast<std::size_t>(inner);
    std::size_t begin = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t c = 0; c < channels; ++c, begin += run) {
            quantize(in.subspan(begin, run), out.subspan(begin, run), qparams, static_cast<std::size_t>(c));
        }
    }
}

}  // namespace bitlathe::core
