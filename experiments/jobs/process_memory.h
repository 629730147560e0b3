#pragma once

#include <cstdint>

namespace bitlathe::experiments {

/// Resident size of this process in bytes, from /proc/self/statm; 0 where there is none.
std::int64_t residentBytes() noexcept;
/// Largest resident size this process ever had, in bytes; 0 when unknown.
std::int64_t lifetimePeakBytes() noexcept;

/// Largest resident size since construction. The kernel only keeps the peak of the whole life: when that has
/// risen it is exact, otherwise the largest of the samples taken stands in for it.
class PeakMemory {
public:
    PeakMemory() noexcept : m_lifetimePeakAtStart(lifetimePeakBytes()) {}
    /// Takes a sample and returns it.
    std::int64_t sample() noexcept;
    std::int64_t peakBytes() const noexcept { return m_peakBytes; }

private:
    std::int64_t m_lifetimePeakAtStart;
    std::int64_t m_peakBytes = 0;
};

}  // namespace bitlathe::experiments
