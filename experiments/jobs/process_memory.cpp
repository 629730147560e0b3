#include "experiments/jobs/process_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bitlathe::experiments {

std::int64_t residentBytes() noexcept {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) {
        return 0;
    }
    long long totalPages = 0;
    long long residentPages = 0;
    const int read = std::fscanf(file, "%lld %lld", &totalPages, &residentPages);
    std::fclose(file);
    return read == 2 ? residentPages * sysconf(_SC_PAGESIZE) : 0;
}

std::int64_t lifetimePeakBytes() noexcept {
    rusage usage{};
    // Linux counts ru_maxrss in KiB.
    return getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::int64_t>(usage.ru_maxrss) * 1024 : 0;
}

std::int64_t PeakMemory::sample() noexcept {
    const std::int64_t resident = residentBytes();
    m_peakBytes = std::max(m_peakBytes, resident);
    if (const std::int64_t lifetimePeak = lifetimePeakBytes(); lifetimePeak > m_lifetimePeakAtStart) {
        m_peakBytes = std::max(m_peakBytes, lifetimePeak);
    }
    return resident;
}

}  // namespace bitlathe::experiments
