#pragma once

#include "core/deploy/packed_codes.h"
#include "core/deploy/requantization.h"
#include "core/graph/layer.h"
#include "core/types/layer_id.h"
#include "core/types/qparams.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitlathe::core {

/// The deployable model as plain values: integer tensors, fixed-point requantization, no float in the
/// arithmetic. Made by `lower` (core/deploy/lower.h); run by ReferenceEngine and IntegerEngine, written as C
/// by the C exporter. Everyone who reads it computes the same codes, bit for bit, from the rules below.
///
/// Tensors are one image, rows x columns x channels with channels innermost (HWC). A vector is 1 x 1 x n.

/// One activation tensor. Real value of a code: (code - zeroPoint) * scale.
struct IntegerTensor {
    std::string name;  ///< path of the layer that makes it; "input" for the graph input
    int rows = 1;
    int columns = 1;
    int channels = 1;
    int bits = 8;  ///< 1..8; 32 for raw accumulators, which only the graph's output may hold
    bool isSigned = false;
    std::int32_t zeroPoint = 0;  ///< the code of real zero, and what padding is made of; 0 for 32 bits
    double scale = 1;            ///< for reports; no arithmetic uses it

    std::int64_t elements() const noexcept { return std::int64_t{rows} * columns * channels; }
    /// Smallest and largest code the bits can hold; an operator's `lower` and `upper` may be narrower.
    std::int64_t lowestCode() const noexcept { return isSigned ? -(std::int64_t{1} << (bits - 1)) : 0; }
    std::int64_t highestCode() const noexcept {
        return isSigned ? (std::int64_t{1} << (bits - 1)) - 1 : (std::int64_t{1} << bits) - 1;
    }
    bool operator==(const IntegerTensor&) const = default;
};

/// A channel's codes by comparison alone: base + step * (number of bounds b with accumulator >= b).
struct ChannelThresholds {
    std::int32_t base = 0;             ///< the code below the first bound
    int step = 1;                      ///< +1, or -1 where the factor is negative
    std::vector<std::int32_t> bounds;  ///< ascending (equal ones allowed: a code is skipped)
    bool operator==(const ChannelThresholds&) const = default;
};

/// From an accumulator to an output code (README eq. 61):
///   code = clamp(round(accumulator * factor[c]) + zeroPoint, lower, upper)
/// with factor = mantissa * 2^(exponent - 31), 1 <= 31 - exponent <= 62, in 64-bit integers alone
/// (core::requantize is the one implementation to compare with). Where `thresholds` is not empty it *is* the
/// rule and `factors` is empty: an activation without a factor (sigmoid and the like), or on request for
/// outputs of at most 4 bits.
struct Requantization {
    std::vector<FixedFactor> factors;      ///< one for all channels, or one per output channel
    Rounding rounding = Rounding::HalfUp;  ///< HalfUp wherever ties cannot occur, whatever the grid says
    std::int32_t zeroPoint = 0;            ///< of the output tensor
    std::int32_t lower = 0;                ///< clamp of the code: range of the grid and of the activation
    std::int32_t upper = 255;
    std::vector<ChannelThresholds> thresholds;  ///< empty, or one per output channel

    const FixedFactor& factor(std::size_t channel) const {
        return factors[factors.size() == 1 ? 0 : channel];
    }
    bool isIdentity() const noexcept;  ///< factor exactly 1: only zero points and the clamp remain
    bool operator==(const Requantization&) const = default;
};

/// Convolution of any kind, and the linear layer, whose kernel covers the whole input tensor (so no flatten is
/// needed in front of it).
///   accumulator[c] = bias[c] + sum of x * (w - weightZeroPoint[c])        x, w: raw codes
/// over all taps, those in the padding holding the input's zero point. The corrections for the input's zero
/// point, -zero * sum(w - weightZeroPoint[c]), are in `bias` already; `plainBias` gives it without. Where the
/// output tensor has 32 bits and `output.factors` is empty, the accumulator itself is the output.
struct IntegerConv {
    std::array<int, 2> kernel{1, 1};
    std::array<int, 2> stride{1, 1};
    std::array<int, 4> padding{0, 0, 0, 0};  ///< top, left, bottom, right
    std::array<int, 2> dilation{1, 1};
    int groups = 1;
    int outputChannels = 1;
    int inputChannelsPerGroup = 1;
    PackedCodes weights;  ///< [out][kernel row][kernel column][input channel of the group]
    std::vector<std::int32_t> weightZeroPoints;  ///< one, or one per output channel
    std::vector<std::int32_t> bias;              ///< one per output channel
    Requantization output;
    std::int64_t accumulatorBound = 0;  ///< proven: no partial sum in any order exceeds it; < 2^31
    double accumulatorScale = 1;  ///< real step of the accumulator (the largest, if per channel); reports

    std::int32_t weightZeroPoint(std::size_t channel) const {
        return weightZeroPoints[weightZeroPoints.size() == 1 ? 0 : channel];
    }
    std::int64_t weightsPerChannel() const noexcept {
        return std::int64_t{kernel[0]} * kernel[1] * inputChannelsPerGroup;
    }
    bool isDepthwise() const noexcept {
        return groups > 1 && inputChannelsPerGroup == 1 && outputChannels == groups;
    }
    bool isPointwise() const noexcept { return groups == 1 && kernel[0] == 1 && kernel[1] == 1; }
    bool operator==(const IntegerConv&) const = default;
};

/// code = clamp(round((a - za) * factors[0] + (b - zb) * factors[1]) + zeroPoint, lower, upper): both factors
/// have the same exponent, so there is one shift and one rounding of the 64-bit sum (README eq. 62).
struct IntegerAdd {
    Requantization output;  ///< factors: one per input
    bool operator==(const IntegerAdd&) const = default;
};

/// code = requantized (a - za) * (b - zb); b may be 1 x 1 x channels.
struct IntegerMul {
    Requantization output;
    bool operator==(const IntegerMul&) const = default;
};

/// Joins along the channels; each input is requantized by a rule of its own: round((x - z) * factor) + ...
struct IntegerConcat {
    std::vector<Requantization> outputs;  ///< one per input; see isIdentity
    bool operator==(const IntegerConcat&) const = default;
};

/// The largest code of each window; the padding takes no part. Input and output share a grid.
struct IntegerMaxPool {
    std::array<int, 2> kernel{2, 2};
    std::array<int, 2> stride{2, 2};
    std::array<int, 4> padding{0, 0, 0, 0};
    bool operator==(const IntegerMaxPool&) const = default;
};

/// accumulator = sum of (x - z) over the window's pixels inside the image; code = requantized by the factor of
/// the number of pixels that the average divides by (README eq. 63). The global average has the kernel of the
/// whole image. A window may reach past the padded edge (ceil mode).
struct IntegerAveragePool {
    std::array<int, 2> kernel{2, 2};
    std::array<int, 2> stride{2, 2};
    std::array<int, 4> padding{0, 0, 0, 0};
    bool countIncludePad = true;
    std::vector<int> divisors;  ///< ascending, those that occur; output.factors has one entry for each
    Requantization output;
    /// The number the window with its corner at (row, column) of the unpadded image divides by.
    int divisor(int row, int column, const IntegerTensor& input) const noexcept;
    /// output.factors of that number.
    const FixedFactor& factorOf(int divisor) const;
    bool operator==(const IntegerAveragePool&) const = default;
};

/// code = requantized (x - z): a clamp on its own, or a change of grid.
struct IntegerRescale {
    Requantization output;
    bool operator==(const IntegerRescale&) const = default;
};

/// code = table[x - lowest code of the input]: sigmoid, tanh, hard swish and other functions of one code.
struct IntegerLookup {
    std::vector<std::int16_t> table;  ///< 2^bits of the input
    bool operator==(const IntegerLookup&) const = default;
};

/// Rows x columns x channels to channels x rows x columns as a vector, the order of a flatten in the source
/// model. Only where a reader that is not a linear layer needs that order.
struct IntegerFlatten {
    bool operator==(const IntegerFlatten&) const = default;
};

using IntegerOperator = std::variant<IntegerConv, IntegerAdd, IntegerMul, IntegerConcat, IntegerMaxPool,
                                     IntegerAveragePool, IntegerRescale, IntegerLookup, IntegerFlatten>;

struct IntegerLayer {
    LayerId id;
    LayerKind kind = LayerKind::Other;  ///< tells linear, pointwise, depthwise and general convolutions apart
    IntegerOperator op;
    std::vector<int> inputs;  ///< indices into IntegerGraph::tensors
    int output = -1;
    bool operator==(const IntegerLayer&) const = default;
};

struct IntegerGraph {
    std::string name;
    std::string modelHash;               ///< of the prepared model it was made from
    std::vector<IntegerTensor> tensors;  ///< each made by one layer; the input by none
    std::vector<IntegerLayer> layers;    ///< execution order
    int input = 0;
    int output = 0;
    QParams inputGrid;  ///< how real inputs become codes: core::quantize, outside of the integer model

    const IntegerTensor& tensor(int index) const { return tensors[static_cast<std::size_t>(index)]; }
    const IntegerTensor& inputTensor() const { return tensor(input); }
    const IntegerTensor& outputTensor() const { return tensor(output); }
    bool operator==(const IntegerGraph&) const = default;
};

/// The bias without the correction for the input's zero point: what is added to the sum of
/// (x - inputZeroPoint) * (w - weightZeroPoint).
std::vector<std::int32_t> plainBias(const IntegerConv& conv, std::int32_t inputZeroPoint);

/// "conv2d", "add", "average_pool", ...: stable, for reports and messages.
std::string_view operatorName(const IntegerOperator& op) noexcept;

}  // namespace bitlathe::core
