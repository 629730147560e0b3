#pragma once

#include "core/types/range.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// Streaming histogram on an absolute power-of-two grid (README eq. 9).
///
/// Bin k holds the values in [k*w, (k+1)*w) with w = 2^exponent; zero is always a bin edge and inside the
/// window. When a value lies outside the bins held, the window grows if `kMaxBins` bins can hold it, else w doubles and
/// neighbours merge. Because the grid is absolute and widths are powers of two, merging is exact: the result does
/// not depend on the order or the grouping of the data, nor on how many threads collected it.
/// Exact zeros are counted apart (a rectified activation is half zeros, and zero quantizes without error).
/// Memory: kMaxBins counters (or the cap given). Resolution: between half and all of them across the range, zero
/// included.
class Histogram {
public:
    static constexpr int kMaxBins = 2048;
    static constexpr int kChannelBins = 256;

    /// Empty histogram.
    Histogram() = default;
    /// Empty histogram of fewer counters, 2..kMaxBins: statistics per channel keep kChannelBins.
    explicit Histogram(int maxBins) : m_maxBins(maxBins) {}
    /// From stored parts (log, files). counts.size() <= kMaxBins.
    Histogram(int exponent, std::int64_t firstBin, std::vector<std::uint64_t> counts, std::uint64_t zeros);

    /// Adds values. Errors  NonFiniteInput: an extremum is NaN or Inf. A NaN that hides among finite extrema is counted in an
    /// outer bin: callers refuse it before (see collectStatistics).
    /// Cost: one pass for the extrema of each block, one for the counts, both in cache.
    void add(std::span<const float> values);
    /// Adds values whose extrema the caller already knows; skips the first pass.
    void add(std::span<const float> values, float minimum, float maximum);
    /// Adds another histogram's counts; exact whatever the two grids.
    void merge(const Histogram& other);

    bool empty() const noexcept { return total() == 0; }
    std::uint64_t total() const noexcept { return m_total; }  ///< values seen, zeros included
    std::uint64_t zeros() const noexcept { return m_zeros; }  ///< values equal to 0 exactly, in no bin
    int exponent() const noexcept { return m_exponent; }      ///< w = 2^exponent
    double binWidth() const noexcept;
    std::int64_t firstBin() const noexcept { return m_firstBin; }  ///< absolute index of counts()[0]
    const std::vector<std::uint64_t>& counts() const noexcept { return m_counts; }
    double lowerEdge(std::size_t bin) const noexcept;  ///< of counts()[bin]
    double center(std::size_t bin) const noexcept;
    /// Edges of the first and last non-empty bin (or zero); {0,0} when empty.
    Range occupiedRange() const noexcept;

private:
    void fit(double minimum, double maximum);
    void coarsen();

    int m_maxBins = kMaxBins;
    int m_exponent = 0;
    std::int64_t m_firstBin = 0;
    std::vector<std::uint64_t> m_counts;
    std::uint64_t m_zeros = 0;
    std::uint64_t m_total = 0;
    bool m_hasGrid = false;
};

}  // namespace bitlathe::core
