#include "core/analysis/coding_cost.h"

#include <algorithm>
#include <bit>

namespace bitlathe::core {

CodingCost codingCost(const SiteEntropy& entropy, std::int64_t values) {
    CodingCost cost;
    cost.values = values;
    cost.levels = entropy.codes;
    cost.entropyBits = entropy.shannonBits;
    cost.huffmanBits = entropy.huffmanBits;
    // 2 levels are 1 bit, 15 or 16 are 4.
    const int bits = std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(cost.levels - 1, 1)));
    cost.plainBytes = (values * bits + 7) / 8;
    cost.codedBytes = static_cast<std::int64_t>(entropy.compressedBytes(values));
    return cost;
}

}  // namespace bitlathe::core
