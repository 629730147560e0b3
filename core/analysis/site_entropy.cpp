#include "core/analysis/site_entropy.h"

#include "core/analysis/entropy_coding.h"
#include "core/quantizers/fake_quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace bitlathe::core {

namespace {

class CodeCounter {
public:
    explicit CodeCounter(const QParams& grid)
        : m_grid(grid), m_counts(static_cast<std::size_t>(grid.quantMax - grid.quantMin + 1), 0) {}

    void add(std::span<const float> values, std::size_t slice) {
        constexpr std::size_t kBlock = 1024;
        std::array<std::int32_t, kBlock> codes;
        for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
            const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
            quantize(block, {codes.data(), block.size()}, m_grid, slice);
            for (std::size_t i = 0; i < block.size(); ++i) {
                ++m_counts[index(codes[i])];
            }
        }
    }

    /// A bin's values are spread evenly over it.
    void add(const Histogram& histogram, std::size_t slice) {
        const std::vector<std::uint64_t>& counts = histogram.counts();
        std::vector<float> edges;
        for (std::size_t k = 0; k < counts.size(); ++k) {
            edges.push_back(static_cast<float>(histogram.lowerEdge(k)));
        }
        edges.push_back(counts.empty() ? 0.0F
                                       : static_cast<float>(histogram.lowerEdge(counts.size() - 1) +
                                                            histogram.binWidth()));
        std::vector<std::int32_t> codes(edges.size());
        quantize(edges, codes, m_grid, slice);
        for (std::size_t k = 0; k < counts.size(); ++k) {
            spread(counts[k], codes[k], codes[k + 1], histogram.center(k), histogram.binWidth(), slice);
        }
        const float zero = 0;
        std::int32_t code = 0;
        quantize({&zero, 1}, {&code, 1}, m_grid, slice);
        m_counts[index(code)] += histogram.zeros();
    }

    SiteEntropy result() const {
        SiteEntropy entropy;
        for (const std::uint64_t count : m_counts) {
            entropy.symbols += count;
        }
        entropy.codes = static_cast<std::int64_t>(m_counts.size());
        if (entropy.symbols > 0) {
            entropy.shannonBits = shannonEntropyBits(m_counts);
            entropy.huffmanBits = huffmanAverageBits(m_counts);
        }
        return entropy;
    }

private:
    std::size_t index(std::int32_t code) const { return static_cast<std::size_t>(code - m_grid.quantMin); }

    void spread(std::uint64_t count, std::int32_t first, std::int32_t last, double center, double width,
                std::size_t slice) {
        if (count == 0) {
            return;
        }
        if (last == first) {
            m_counts[index(first)] += count;
            return;
        }
        // Evenly over the bin: a few points for every code in it, each with its share of the count.
        std::vector<float> points(static_cast<std::size_t>(std::min(4 * (last - first + 1), 256)));
        for (std::size_t i = 0; i < points.size(); ++i) {
            const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(points.size());
            points[i] = static_cast<float>(center + (share - 0.5) * width);
        }
        std::vector<std::int32_t> codes(points.size());
        quantize(points, codes, m_grid, slice);
        for (std::size_t i = 0; i < codes.size(); ++i) {
            m_counts[index(codes[i])] += count / codes.size() + (i < count % codes.size() ? 1 : 0);
        }
    }

    const QParams& m_grid;
    std::vector<std::uint64_t> m_counts;
};

}  // namespace

double SiteEntropy::compressedBytes(std::int64_t count) const noexcept {
    return std::ceil(huffmanBits * static_cast<double>(count) / 8.0) + static_cast<double>(codes);
}

SiteEntropy weightEntropy(const FloatTensor& weights, const QParams& grid) {
    CodeCounter counter(grid);
    const std::size_t run = grid.slices() == 0 ? 0 : weights.values().size() / grid.slices();
    for (std::size_t s = 0; s < grid.slices(); ++s) {
        counter.add(weights.values().subspan(s * run, run), s);
    }
    return counter.result();
}

SiteEntropy activationEntropy(const SiteStatistics& statistics, const QParams& grid) {
    CodeCounter counter(grid);
    if (!grid.isPerChannel()) {
        counter.add(statistics.histogram, 0);
        return counter.result();
    }
    for (std::size_t c = 0; c < std::min(statistics.channels.size(), grid.slices()); ++c) {
        counter.add(statistics.channels[c].histogram, c);
    }
    return counter.result();
}

}  // namespace bitlathe::core
