#include "core/analysis/coding_cost.h"

#include "core/analysis/entropy_coding.h"
#include "core/analysis/level_profile.h"
#include "core/quantizers/fake_quantize.h"

#include <bit>
#include <cmath>
#include <vector>

namespace bitlathe::core {

namespace {

CodingCost costOf(const std::vector<std::uint64_t>& counts, std::int64_t values) {
    CodingCost cost;
    cost.values = values;
    cost.levels = static_cast<std::int64_t>(counts.size());
    cost.entropyBits = shannonEntropyBits(counts);
    cost.huffmanBits = huffmanAverageBits(counts);
    // 2 levels are 1 bit, 15 or 16 are 4: as many bits as the highest code needs.
    const int bits = std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(cost.levels - 1, 1)));
    cost.plainBytes = (values * bits + 7) / 8;
    cost.codedBytes =
        static_cast<std::int64_t>(std::ceil(cost.huffmanBits * static_cast<double>(values) / 8.0)) +
        cost.levels;
    return cost;
}

std::vector<std::uint64_t> emptyCounts(const QParams& qparams) {
    return std::vector<std::uint64_t>(static_cast<std::size_t>(qparams.quantMax - qparams.quantMin) + 1, 0);
}

}  // namespace

CodingCost codingCost(const FloatTensor& values, const QParams& qparams) {
    const std::span<const float> all = values.values();
    const auto slices = static_cast<std::int64_t>(qparams.scale.size());
    std::vector<std::int32_t> codes(all.size());
    if (qparams.isPerChannel() && slices > 0) {
        std::int64_t outer = 1;
        for (int i = 0; i < *qparams.axis; ++i) {
            outer *= values.shape()[static_cast<std::size_t>(i)];
        }
        quantizeTensor(all, codes, qparams, outer, slices,
                       static_cast<std::int64_t>(all.size()) / (outer * slices));
    } else {
        quantize(all, codes, qparams);
    }
    std::vector<std::uint64_t> counts = emptyCounts(qparams);
    for (const std::int32_t code : codes) {
        ++counts[static_cast<std::size_t>(code - qparams.quantMin)];
    }
    return costOf(counts, static_cast<std::int64_t>(all.size()));
}

CodingCost codingCost(const Histogram& histogram, const QParams& qparams, std::int64_t values) {
    std::vector<std::uint64_t> counts = emptyCounts(qparams);
    const LevelProfile profile = levelProfile(histogram, qparams);
    for (std::size_t i = 0; i < profile.levels.size(); ++i) {
        counts[i] = static_cast<std::uint64_t>(std::llround(profile.levels[i].count));
    }
    return costOf(counts, values);
}

}  // namespace bitlathe::core
