#include "core/types/histogram.h"

#include "core/types/bin_indices.h"
#include "core/types/error.h"
#include "core/types/vectorised.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace bitlathe::core {

namespace {

// Values binned between two looks at the extrema: 16 Ki floats are 64 KiB, so the second pass finds them in L2.
constexpr std::size_t kBlock = 16384;

// Widths below the smallest normal float have a reciprocal beyond float's: denormal values share bins 0 and -1 instead.
constexpr int kMinExponent = -126;

/// Bin of x on the grid of width 2^exponent. ldexp by a power of two is exact, so floor decides alone. Clamped far
/// outside any window, so that a first value of 1e-30 followed by one of 1e30 cannot overflow the index.
std::int64_t binOf(double x, int exponent) {
    return static_cast<std::int64_t>(std::clamp(std::floor(std::ldexp(x, -exponent)), -1e15, 1e15));
}

/// Finest exponent at which [minimum, maximum], which holds zero, fits into maxBins bins.
int exponentFor(double minimum, double maximum, int maxBins) {
    int exponent =
        std::max(kMinExponent, static_cast<int>(std::floor(std::log2((maximum - minimum) / maxBins))));
    while (binOf(maximum, exponent) - binOf(minimum, exponent) >= maxBins) {
        ++exponent;
    }
    return exponent;
}

/// Absolute index of the pair that bin k merges into when the width doubles; floor division, right for negatives.
std::int64_t halved(std::int64_t k) {
    return k >> 1;
}

// Minima and maxima kept apart in lanes: float comparisons in one chain would not vectorise.
constexpr std::size_t kLanes = 32;

BITLATHE_VECTORISED std::pair<float, float> extrema(const float* x, std::size_t count) {
    float minimum[kLanes];
    float maximum[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
        minimum[i] = maximum[i] = x[0];
    }
    const std::size_t whole = count - count % kLanes;
    for (std::size_t b = 0; b < whole; b += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            minimum[i] = x[b + i] < minimum[i] ? x[b + i] : minimum[i];
            maximum[i] = x[b + i] > maximum[i] ? x[b + i] : maximum[i];
        }
    }
    float low = x[0];
    float high = x[0];
    for (std::size_t i = whole; i < count; ++i) {
        low = std::min(low, x[i]);
        high = std::max(high, x[i]);
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        low = std::min(low, minimum[i]);
        high = std::max(high, maximum[i]);
    }
    return {low, high};
}

constexpr std::size_t kTableSize = Histogram::kMaxBins + kZeroCounters;
constexpr std::size_t kIndexBlock = 1024;
using IndexBlock = std::array<std::int32_t, kIndexBlock + kIndexSlack>;

std::uint64_t countDirectly(std::span<const float> values, const Binning& binning,
                            std::vector<std::uint64_t>& counts) {
    IndexBlock index;
    const BinnedValues binned = binIndices(values.data(), values.size(), binning, index.data());
    std::uint64_t zeros = binned.zeros;
    for (std::size_t i = 0; i < binned.indices; ++i) {
        if (index[i] < Histogram::kMaxBins) {
            ++counts[static_cast<std::size_t>(index[i])];
        } else {
            ++zeros;
        }
    }
    return zeros;
}

// Neighbouring values often fall into one bin, and an increment waits for the one before it on the same counter:
// values take turns on two tables, which the first-level cache holds. Their 32-bit counters hold one chunk; folding
// them costs little against 2^20 increments.
constexpr std::size_t kTables = 2;
constexpr std::size_t kChunk = std::size_t{1} << 20;

void countIndices(const std::int32_t* index, std::size_t count, std::uint32_t* tables) {
    constexpr std::size_t kUnrolled = 8;
    std::size_t i = 0;
    for (; i + kUnrolled <= count; i += kUnrolled) {
        for (std::size_t k = 0; k < kUnrolled; ++k) {
            ++tables[k % kTables * kTableSize + static_cast<std::size_t>(index[i + k])];
        }
    }
    for (; i < count; ++i) {
        ++tables[static_cast<std::size_t>(index[i])];
    }
}

/// counts[i] += addends[i]
BITLATHE_VECTORISED void addCounters(const std::uint32_t* addends, std::size_t count, std::uint64_t* counts) {
    for (std::size_t i = 0; i < count; ++i) {
        counts[i] += addends[i];
    }
}

std::uint64_t countInTables(std::span<const float> values, const Binning& binning,
                            std::vector<std::uint64_t>& counts) {
    std::array<std::uint32_t, kTables * kTableSize> tables;
    for (std::size_t t = 0; t < kTables; ++t) {
        std::fill_n(tables.data() + t * kTableSize, counts.size(), 0U);
        std::fill_n(tables.data() + t * kTableSize + Histogram::kMaxBins, kZeroCounters, 0U);
    }
    IndexBlock index;
    std::uint64_t zeros = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += kIndexBlock) {
        const std::size_t length = std::min(kIndexBlock, values.size() - begin);
        const BinnedValues binned = binIndices(values.data() + begin, length, binning, index.data());
        zeros += binned.zeros;
        countIndices(index.data(), binned.indices, tables.data());
    }
    for (std::size_t t = 0; t < kTables; ++t) {
        const std::uint32_t* const table = tables.data() + t * kTableSize;
        addCounters(table, counts.size(), counts.data());
        zeros = std::accumulate(table + Histogram::kMaxBins, table + kTableSize, zeros);
    }
    return zeros;
}

}  // namespace

Histogram::Histogram(int exponent, std::int64_t firstBin, std::vector<std::uint64_t> counts,
                     std::uint64_t zeros)
    : m_exponent(exponent), m_firstBin(firstBin), m_counts(std::move(counts)), m_zeros(zeros),
      m_total(zeros) {
    for (const std::uint64_t count : m_counts) {
        m_total += count;
    }
    m_hasGrid = !m_counts.empty();
}

double Histogram::binWidth() const noexcept {
    return std::ldexp(1.0, m_exponent);
}

double Histogram::lowerEdge(std::size_t bin) const noexcept {
    return std::ldexp(static_cast<double>(m_firstBin + static_cast<std::int64_t>(bin)), m_exponent);
}

double Histogram::center(std::size_t bin) const noexcept {
    return lowerEdge(bin) + 0.5 * binWidth();
}

void Histogram::coarsen() {
    const std::int64_t first = halved(m_firstBin);
    const std::int64_t last = halved(m_firstBin + static_cast<std::int64_t>(m_counts.size()) - 1);
    std::vector<std::uint64_t> merged(static_cast<std::size_t>(last - first + 1), 0);
    for (std::size_t i = 0; i < m_counts.size(); ++i) {
        merged[static_cast<std::size_t>(halved(m_firstBin + static_cast<std::int64_t>(i)) - first)] +=
            m_counts[i];
    }
    m_counts = std::move(merged);
    m_firstBin = first;
    ++m_exponent;
}

void Histogram::fit(double minimum, double maximum) {
    // Zero is always in the window: every grid but the rarest represents it, and then neither the order nor the
    // grouping of the data can change the window.
    minimum = std::min(minimum, 0.0);
    maximum = std::max(maximum, 0.0);
    if (!m_hasGrid) {
        m_exponent = exponentFor(minimum, maximum, m_maxBins);
        m_firstBin = binOf(minimum, m_exponent);
        m_counts.assign(static_cast<std::size_t>(binOf(maximum, m_exponent) - m_firstBin + 1), 0);
        m_hasGrid = true;
        return;
    }
    while (true) {
        const std::int64_t first = std::min(m_firstBin, binOf(minimum, m_exponent));
        const std::int64_t last =
            std::max(m_firstBin + static_cast<std::int64_t>(m_counts.size()) - 1, binOf(maximum, m_exponent));
        if (last - first < m_maxBins) {
            m_counts.insert(m_counts.begin(), static_cast<std::size_t>(m_firstBin - first), 0);
            m_counts.resize(static_cast<std::size_t>(last - first + 1), 0);
            m_firstBin = first;
            return;
        }
        coarsen();
    }
}

void Histogram::add(std::span<const float> values) {
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
        const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
        const auto [minimum, maximum] = extrema(block.data(), block.size());
        add(block, minimum, maximum);
    }
}

void Histogram::add(std::span<const float> values, float minimum, float maximum) {
    if (values.empty()) {
        return;
    }
    if (!std::isfinite(minimum) || !std::isfinite(maximum)) {
        throw Error(ErrorCode::NonFiniteInput, "histogram: NaN or infinity among the values");
    }
    m_total += values.size();
    if (minimum == 0.0F && maximum == 0.0F) {
        m_zeros += values.size();  // tells nothing about the grid
        return;
    }
    fit(minimum, maximum);
    // Exact: the inverse width is a power of two, and indices stay below 2^24.
    const Binning binning{static_cast<float>(std::ldexp(1.0, -m_exponent)), static_cast<float>(m_firstBin),
                          static_cast<std::int32_t>(m_counts.size()) - 1, kMaxBins};
    std::uint64_t zeros = 0;
    if (values.size() <= kIndexBlock) {
        zeros = countDirectly(values, binning, m_counts);
    } else {
        for (std::size_t begin = 0; begin < values.size(); begin += kChunk) {
            zeros += countInTables(values.subspan(begin, std::min(kChunk, values.size() - begin)), binning,
                                   m_counts);
        }
    }
    m_zeros += zeros;
}

void Histogram::merge(const Histogram& other) {
    m_zeros += other.m_zeros;
    m_total += other.m_total;
    if (!other.m_hasGrid) {
        return;
    }
    Histogram source = other;
    if (!m_hasGrid) {
        m_exponent = source.m_exponent;
        m_firstBin = source.m_firstBin;
        m_counts = std::move(source.m_counts);
        m_hasGrid = true;
        while (m_counts.size() > static_cast<std::size_t>(m_maxBins)) {
            coarsen();
        }
        return;
    }
    while (source.m_exponent < m_exponent) {
        source.coarsen();
    }
    while (m_exponent < source.m_exponent) {
        coarsen();
    }
    // Bin centres are exact representatives of the outermost bins on any common grid.
    fit(source.center(0), source.center(source.m_counts.size() - 1));
    while (source.m_exponent < m_exponent) {
        source.coarsen();
    }
    for (std::size_t i = 0; i < source.m_counts.size(); ++i) {
        m_counts[static_cast<std::size_t>(source.m_firstBin - m_firstBin) + i] += source.m_counts[i];
    }
}

Range Histogram::occupiedRange() const noexcept {
    std::size_t first = 0;
    while (first < m_counts.size() && m_counts[first] == 0) {
        ++first;
    }
    if (first == m_counts.size()) {
        return {};
    }
    std::size_t last = m_counts.size() - 1;
    while (m_counts[last] == 0) {
        --last;
    }
    Range range{lowerEdge(first), lowerEdge(last) + binWidth()};
    if (m_zeros > 0) {
        range.lower = std::min(range.lower, 0.0);
        range.upper = std::max(range.upper, 0.0);
    }
    return range;
}

}  // namespace bitlathe::core
