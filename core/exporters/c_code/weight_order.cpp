#include "core/exporters/c_code/weight_order.h"

#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bitlathe::core {

namespace {

using Place = std::pair<int, int>;  ///< channel and column within four by four

/// The order of the sixteen codes of four channels by four columns.
std::array<Place, 16> blockOrder(int bits) {
    std::array<Place, 16> order;
    std::size_t next = 0;
    const auto column = [&](int k) {
        for (int c = 0; c < 4; ++c) {
            order[next++] = {c, k};
        }
    };
    switch (bits) {
    case 4:
        for (const int k : {0, 2, 1, 3}) {
            column(k);
        }
        break;
    case 2:
        for (const int k : {0, 1, 2, 3}) {
            column(k);
        }
        break;
    default:  // bytes of a word: even ones are a pair of columns of one channel, odd ones of the next
        for (const int first : {0, 1}) {
            for (const int c : {0, 2}) {
                for (const Place& place :
                     {Place{c, first}, Place{c + 1, first}, Place{c, first + 2}, Place{c + 1, first + 2}}) {
                    order[next++] = place;
                }
            }
        }
    }
    return order;
}

/// Indices into the layer's weights in the order of the blocks: fours by fours, columns left over, channels left over.
std::vector<std::int64_t> blockIndices(const IntegerConv& conv) {
    const std::int64_t columns = conv.weightsPerChannel();
    const std::int64_t fours = columns / 4 * 4;
    const std::int64_t blocked = conv.outputChannels / 4 * 4;
    const std::array<Place, 16> order = blockOrder(conv.weights.bits());
    std::vector<std::int64_t> indices;
    indices.reserve(static_cast<std::size_t>(conv.weights.size()));
    for (std::int64_t c = 0; c < blocked; c += 4) {
        for (std::int64_t k = 0; k < fours; k += 4) {
            for (const auto& [channel, column] : order) {
                indices.push_back((c + channel) * columns + k + column);
            }
        }
    }
    for (std::int64_t c = 0; c < blocked; c += 4) {
        for (std::int64_t k = fours; k < columns; ++k) {
            for (int channel = 0; channel < 4; ++channel) {
                indices.push_back((c + channel) * columns + k);
            }
        }
    }
    for (std::int64_t i = blocked * columns; i < conv.weights.size(); ++i) {
        indices.push_back(i);
    }
    return indices;
}

}  // namespace

OrderedWeights orderWeights(const IntegerConv& conv, WeightOrder order, const LayerId& layer) {
    const int bits = conv.weights.bits();
    const std::int32_t lowest = conv.weights.isSigned() ? -(1 << (bits - 1)) : 0;
    std::vector<std::int64_t> indices;
    if (order == WeightOrder::Blocks) {
        indices = blockIndices(conv);
    }
    // A signed byte holds code - lowest - 128; its low 8 bits are those of code - lowest with the top one turned.
    std::vector<std::int32_t> codes(static_cast<std::size_t>(conv.weights.size()));
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const auto at = indices.empty() ? static_cast<std::int64_t>(i) : indices[i];
        codes[i] = (conv.weights[at] - lowest) ^ (bits == 8 ? 0x80 : 0);
    }
    OrderedWeights ordered;
    ordered.bytes = PackedCodes(codes, bits, false).bytes();
    for (const std::int32_t zeroPoint : conv.weightZeroPoints) {
        const std::int32_t zero = zeroPoint - lowest;
        if (zero < 0 || zero > 255) {
            throw Error(ErrorCode::UnsupportedOperator,
                        "C export: the weights of '" + layer.str() + "' have zero point " +
                            std::to_string(zeroPoint) + ", too far from their codes for a byte; choose a " +
                            "quantizer whose zero point is one of its codes");
        }
        ordered.zeroPoints.push_back(static_cast<std::uint8_t>(zero));
        ordered.hasZeroPoints = ordered.hasZeroPoints || zero != (bits == 8 ? 128 : 0);
    }
    return ordered;
}

}  // namespace bitlathe::core
