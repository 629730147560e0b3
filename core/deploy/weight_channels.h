#pragma once

#include "core/deploy/integer_graph.h"
#include "core/graph/graph.h"
#include "core/graph/layer.h"
#include "core/plan/quant_plan.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <vector>

namespace bitlathe::core {

/// One output channel of a weighted layer on its way to integers. This header is part of the inside of `lower`.
struct Channel {
    std::vector<std::int32_t> codes;  ///< [kernel row][kernel column][input channel]
    std::int32_t zeroPoint = 0;
    std::int64_t plainBias = 0;
    double step = 1;  ///< real value of one unit of the accumulator

    std::int64_t sum() const {
        std::int64_t total = 0;
        for (const std::int32_t code : codes) {
            total += code - zeroPoint;
        }
        return total;
    }
    std::int64_t absoluteSum() const {
        std::int64_t total = 0;
        for (const std::int32_t code : codes) {
            total += std::abs(code - zeroPoint);
        }
        return total;
    }
    std::int64_t bias(const IntegerTensor& input) const { return plainBias - input.zeroPoint * sum(); }
    /// No partial sum of either form (zero point in the bias or subtracted from the inputs) can exceed it.
    std::int64_t bound(const IntegerTensor& input) const {
        const std::int64_t raw = std::max(std::abs(input.lowestCode()), std::abs(input.highestCode()));
        const std::int64_t centred = std::max(std::abs(input.lowestCode() - input.zeroPoint),
                                              std::abs(input.highestCode() - input.zeroPoint));
        return std::max(std::abs(bias(input)) + raw * absoluteSum(),
                        std::abs(plainBias) + centred * absoluteSum());
    }
};

/// A layer's weight grid as integers: code k of the grid is `codes[k - lowest]` times the slice's step, counted from
/// the zero point.
struct WeightGrid {
    std::vector<double> steps;             ///< one, or one per output channel
    std::vector<std::int32_t> zeroPoints;  ///< the same
    std::int32_t lower = 0;                ///< smallest and largest integer weight
    std::int32_t upper = 0;
    std::vector<std::vector<std::int32_t>>
        levels;  ///< of a grid of levels: its integers by slice; else empty
};

/// Errors  InvalidConfig naming the weights: more than 8 bits, levels that are no multiples of one step.
///         ShapeMismatch: another number of scales than channels.
WeightGrid weightGridOf(const QParams& grid, const Layer& layer);

/// Weight codes by channel, in the integer model's order.
std::vector<Channel> weightChannels(const FloatTensor& weights, const QParams& qparams,
                                    const WeightGrid& grid, const IntegerConv& conv);

/// A channel that gives one code whatever it reads: no weight, a bias that is the code, factor 1.
void makeConstant(Channel& channel, std::int32_t code, const Requantization& rule, double outputScale);

/// Real value of one accumulator step by channel, without batch norm. `affine`: a gain that post-training gave the
/// weights; null: none.
void setSteps(std::vector<Channel>& channels, double inputScale, const WeightGrid& grid,
              const WeightAffine* affine);

/// Biases on the accumulator's grid (README eq. 10).
void setBias(std::vector<Channel>& channels, const FloatTensor& bias, float inputScale);

/// Integer channel normalisation (README eq. 66): the batch norm's scale r joins the channel's step, its shift and
/// the layer's bias become B = round((b + shift / r) / S). Channels whose B leaves int32 are returned with the value
/// they always have.
std::map<std::size_t, double> setNormalised(std::vector<Channel>& channels, const FloatTensor& bias,
                                            const BatchNormOp& norm);

/// Codes, zero points and biases of all channels into the convolution, with the proven bound.
void packChannels(IntegerConv& conv, std::span<const Channel> channels, const IntegerTensor& input,
                  const WeightGrid& grid);

}  // namespace bitlathe::core
