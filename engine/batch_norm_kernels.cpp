#include "engine/batch_norm_kernels.h"

#include "core/types/vectorised.h"

#include <algorithm>
#include <array>

namespace bitlathe::engine {

namespace {

// Channels a pass keeps in registers, and rows it sums in float before the doubles take over.
constexpr std::size_t kLanes = 64;
constexpr std::size_t kRows = 32;

#define BITLATHE_INLINE __attribute__((always_inline)) inline

BITLATHE_INLINE float clamped(float value, float lower, float upper) {
    // Written so that NaN stays NaN.
    value = value < lower ? lower : value;
    return value > upper ? upper : value;
}

}  // namespace

namespace {

/// lowest, highest  null unless hasExtrema
template <bool hasExtrema>
BITLATHE_INLINE void accumulate(const float* x, std::size_t pixels, std::size_t channels, const float* shift,
                                double* sum, double* squares, float* lowest, float* highest) {
    std::array<float, kLanes> partSum;
    std::array<float, kLanes> partSquares;
    std::array<float, kLanes> partLowest;
    std::array<float, kLanes> partHighest;
    for (std::size_t row = 0; row < pixels; row += kRows) {
        const std::size_t end = std::min(row + kRows, pixels);
        for (std::size_t first = 0; first < channels; first += kLanes) {
            const std::size_t lanes = std::min(kLanes, channels - first);
            partSum.fill(0);
            partSquares.fill(0);
            if constexpr (hasExtrema) {
                std::copy(lowest + first, lowest + first + lanes, partLowest.begin());
                std::copy(highest + first, highest + first + lanes, partHighest.begin());
            }
            for (std::size_t p = row; p < end; ++p) {
                const float* const values = x + p * channels + first;
                for (std::size_t c = 0; c < lanes; ++c) {
                    const float centred = values[c] - shift[first + c];
                    partSum[c] += centred;
                    partSquares[c] += centred * centred;
                    if constexpr (hasExtrema) {
                        partLowest[c] = values[c] < partLowest[c] ? values[c] : partLowest[c];
                        partHighest[c] = values[c] > partHighest[c] ? values[c] : partHighest[c];
                    }
                }
            }
            for (std::size_t c = 0; c < lanes; ++c) {
                sum[first + c] += static_cast<double>(partSum[c]);
                squares[first + c] += static_cast<double>(partSquares[c]);
            }
            if constexpr (hasExtrema) {
                std::copy(partLowest.begin(), partLowest.begin() + lanes, lowest + first);
                std::copy(partHighest.begin(), partHighest.begin() + lanes, highest + first);
            }
        }
    }
}

}  // namespace

BITLATHE_VECTORISED void accumulateMoments(const float* x, std::size_t pixels, std::size_t channels,
                                           const float* shift, double* sum, double* squares) {
    accumulate<false>(x, pixels, channels, shift, sum, squares, nullptr, nullptr);
}

BITLATHE_VECTORISED void accumulateMomentsAndExtrema(const float* x, std::size_t pixels, std::size_t channels,
                                                     const float* shift, double* sum, double* squares,
                                                     float* lowest, float* highest) {
    accumulate<true>(x, pixels, channels, shift, sum, squares, lowest, highest);
}

BITLATHE_VECTORISED void normalise(const float* x, float* out, std::size_t pixels, std::size_t channels,
                                   const float* a, const float* b, const PassBand& band) {
    const float lower = band.lower;
    const float upper = band.upper;
    for (std::size_t p = 0; p < pixels; ++p, x += channels, out += channels) {
#pragma GCC ivdep
        for (std::size_t c = 0; c < channels; ++c) {
            out[c] = clamped(a[c] * x[c] + b[c], lower, upper);
        }
    }
}

BITLATHE_VECTORISED void accumulateGradients(const float* x, const float* gradient, std::size_t pixels,
                                             std::size_t channels, const float* a, const float* b,
                                             const float* mean, const PassBand& band, double* sum,
                                             double* products) {
    const float lower = band.lower;
    const float upper = band.upper;
    std::array<float, kLanes> partSum;
    std::array<float, kLanes> partProducts;
    for (std::size_t row = 0; row < pixels; row += kRows) {
        const std::size_t end = std::min(row + kRows, pixels);
        for (std::size_t first = 0; first < channels; first += kLanes) {
            const std::size_t lanes = std::min(kLanes, channels - first);
            partSum.fill(0);
            partProducts.fill(0);
            for (std::size_t p = row; p < end; ++p) {
                const float* const values = x + p * channels + first;
                const float* const gradients = gradient + p * channels + first;
                for (std::size_t c = 0; c < lanes; ++c) {
                    const float y = a[first + c] * values[c] + b[first + c];
                    const float g = (y > lower) & (y < upper) ? gradients[c] : 0.0F;
                    partSum[c] += g;
                    partProducts[c] += g * (values[c] - mean[first + c]);
                }
            }
            for (std::size_t c = 0; c < lanes; ++c) {
                sum[first + c] += static_cast<double>(partSum[c]);
                products[first + c] += static_cast<double>(partProducts[c]);
            }
        }
    }
}

BITLATHE_VECTORISED void inputGradients(const float* x, const float* gradient, float* out, std::size_t pixels,
                                        std::size_t channels, const float* a, const float* b,
                                        const float* mean, const float* slope, const float* offset,
                                        const PassBand& band) {
    const float lower = band.lower;
    const float upper = band.upper;
    for (std::size_t p = 0; p < pixels; ++p, x += channels, gradient += channels, out += channels) {
#pragma GCC ivdep
        for (std::size_t c = 0; c < channels; ++c) {
            const float y = a[c] * x[c] + b[c];
            const float g = (y > lower) & (y < upper) ? gradient[c] : 0.0F;
            out[c] = a[c] * g + slope[c] * (x[c] - mean[c]) + offset[c];
        }
    }
}

}  // namespace bitlathe::engine
