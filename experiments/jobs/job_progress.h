#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bitlathe::experiments {

/// What a person sees of a running job.
struct JobProgress {
    std::string stage;                        ///< "calibrate"; empty before the first report
    std::int64_t done = 0;                    ///< units finished of this stage
    std::int64_t total = 0;                   ///< units of this stage; 0 when unknown
    std::string detail;                       ///< "batch 3 of 8"
    bool isPaused = false;                    ///< waits for a resume, or for what `detail` says
    double unitsPerSecond = 0;                ///< smoothed; 0 when unknown
    std::int64_t elapsedMs = 0;               ///< since the job started
    std::optional<std::int64_t> remainingMs;  ///< of this stage; empty while nothing can be said
    std::int64_t residentBytes = 0;  ///< memory of the whole process now; 0 where the system does not tell
    std::int64_t peakBytes = 0;      ///< largest resident size while the job ran

    /// Share of this stage in 0..1; empty when the total is unknown.
    std::optional<double> fraction() const noexcept {
        if (total <= 0) {
            return std::nullopt;
        }
        return static_cast<double>(done) / static_cast<double>(total);
    }
    bool operator==(const JobProgress&) const = default;
};

}  // namespace bitlathe::experiments
