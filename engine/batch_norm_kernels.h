#pragma once

#include <cstddef>

namespace bitlathe::engine {

// Kernels of batch norm in training over `pixels` rows of `channels` neighbouring values (channels-last
// memory). `a` and `b` hold the normalisation as one multiply and add a channel: y = clamp(a x + b).

/// What a clamp behind the normalisation lets through: values strictly between the bounds, infinite where
/// there is none. LibTorch's relu and hardtanh give a value on a bound no gradient either.
struct PassBand {
    float lower;
    float upper;
};

/// sum[c] = sum of x - shift[c], squares[c] = sum of (x - shift[c])². Float within a few rows, double beyond:
/// exact enough for any number of pixels.
void accumulateMoments(const float* x, std::size_t pixels, std::size_t channels, const float* shift,
                       double* sum, double* squares);

/// The same, and lowest[c] and highest[c] widened to hold every x of the channel. NaN widens nothing: it shows in
/// the sums.
void accumulateMomentsAndExtrema(const float* x, std::size_t pixels, std::size_t channels, const float* shift,
                                 double* sum, double* squares, float* lowest, float* highest);

/// out = clamp(a x + b, lower, upper)
void normalise(const float* x, float* out, std::size_t pixels, std::size_t channels, const float* a,
               const float* b, const PassBand& band);

/// For g = gradient where a x + b lies in the band, else 0: sum[c] = sum of g, products[c] = sum of
/// g (x - mean[c]).
void accumulateGradients(const float* x, const float* gradient, std::size_t pixels, std::size_t channels,
                         const float* a, const float* b, const float* mean, const PassBand& band, double* sum,
                         double* products);

/// out = a g + slope (x - mean) + offset, g as above. `gradient` and `out` may be the same memory.
void inputGradients(const float* x, const float* gradient, float* out, std::size_t pixels,
                    std::size_t channels, const float* a, const float* b, const float* mean,
                    const float* slope, const float* offset, const PassBand& band);

}  // namespace bitlathe::engine
