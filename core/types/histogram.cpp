#include "core/types/histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitlathe::core {

namespace {

// Values binned between two looks at the extrema: 16 Ki floats are 64 KiB, so the second pass finds them in L2.
constexpr std::size_t kBlock = 16384;

/// Bin of x on the grid of width 2^exponent. ldexp by a power of two is exact, so floor decides alone. Clamped far outside
/// any window, so that a first value of 1e-30 followed by one of 1e30 cannot overflow the index.
std::int64_t binOf(double x, int exponent) {
    return static_cast<std::int64_t>(std::clamp(std::floor(std::ldexp(x, -exponent)), -1e15, 1e15));
}

/// Finest exponent at which [minimum, maximum], which holds zero, fits into kMaxBins bins.
int exponentFor(double minimum, double maximum) {
    int exponent = static_cast<int>(std::floor(std::log2((maximum - minimum) / Histogram::kMaxBins)));
    while (binOf(maximum, exponent) - binOf(minimum, exponent) >= Histogram::kMaxBins) {
        ++exponent;
    }
    return exponent;
}

/// Absolute index of the pair that bin k merges into when the width doubles; floor division, right for negatives.
std::int64_t halved(std::int64_t k) {
    return k >> 1;
}

std::pair<float, float> extrema(std::span<const float> values) {
    float minimum = values[0];
    float maximum = values[0];
    for (const float x : values) {
        minimum = x < minimum ? x : minimum;
        maximum = x > maximum ? x : maximum;
    }
    return {minimum, maximum};
}

}  // namespace

Histogram::Histogram(int exponent, std::int64_t firstBin, std::vector<std::uint64_t> counts, std::uint64_t zeros)
    : m_exponent(exponent), m_firstBin(firstBin), m_counts(std::move(counts)), m_zeros(zeros), m_total(zeros) {
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
        merged[static_cast<std::size_t>(halved(m_firstBin + static_cast<std::int64_t>(i)) - first)] += m_counts[i];
    }
    m_counts = std::move(merged);
    m_firstBin = first;
    ++m_exponent;
}

void Histogram::fit(double minimum, double maximum) {
    // Zero is always in the window: every grid but the rarest represents it, and then neither the order nor the grouping
    // of the data can change the window.
    minimum = std::min(minimum, 0.0);
    maximum = std::max(maximum, 0.0);
    if (!m_hasGrid) {
        m_exponent = exponentFor(minimum, maximum);
        m_firstBin = binOf(minimum, m_exponent);
        m_counts.assign(static_cast<std::size_t>(binOf(maximum, m_exponent) - m_firstBin + 1), 0);
        m_hasGrid = true;
        return;
    }
    while (true) {
        const std::int64_t first = std::min(m_firstBin, binOf(minimum, m_exponent));
        const std::int64_t last = std::max(m_firstBin + static_cast<std::int64_t>(m_counts.size()) - 1,
                                           binOf(maximum, m_exponent));
        if (last - first < kMaxBins) {
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
        const auto [minimum, maximum] = extrema(block);
        add(block, minimum, maximum);
    }
}

void Histogram::add(std::span<const float> values, float minimum, float maximum) {
    if (values.empty()) {
        return;
    }
    m_total += values.size();
    if (minimum == 0.0F && maximum == 0.0F) {
        m_zeros += values.size();  // tells nothing about the grid
        return;
    }
    fit(minimum, maximum);
    // Exact: a power of two, and |index| <= kMaxBins. (Products that underflow belong to bin 0 or -1, and floor sends them
    // there: -1e-45 * 2^-10 keeps its sign as -0.0, whose floor is bin 0, one bin off by an error of 1e-45.)
    const auto inverseWidth = static_cast<float>(std::ldexp(1.0, -m_exponent));
    const auto firstBin = static_cast<float>(m_firstBin);
    std::uint64_t* const counts = m_counts.data();
    std::uint64_t zeros = 0;
    for (const float x : values) {
        const bool isZero = x == 0.0F;
        zeros += isZero ? 1 : 0;
        counts[static_cast<std::int32_t>(std::floor(x * inverseWidth) - firstBin)] += isZero ? 0 : 1;
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
