#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <vector>

namespace bitlathe::bench {

/// Milliseconds one call takes.
inline double timeOnce(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Milliseconds of one piece of work: by the clock, and of all processors together. On a machine with others
/// at work the second says more.
struct Timing {
    double wallMs = 0;
    double cpuMs = 0;
};

inline Timing timeBoth(const std::function<void()>& work) {
    const std::clock_t used = std::clock();
    const double wallMs = timeOnce(work);
    return {wallMs, 1000.0 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC};
}

/// Median time of each piece of work, in milliseconds. The pieces take turns, so that a neighbour on the
/// machine or a change of clock meets all of them; one round before counts for nothing.
inline std::vector<double> mediansInTurn(const std::vector<std::function<void()>>& pieces, int rounds) {
    std::vector<std::vector<double>> times(pieces.size());
    for (int round = -1; round < rounds; ++round) {
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const double elapsed = timeOnce(pieces[i]);
            if (round >= 0) {
                times[i].push_back(elapsed);
            }
        }
    }
    std::vector<double> medians;
    for (std::vector<double>& all : times) {
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
        std::nth_element(all.begin(), middle, all.end());
        medians.push_back(*middle);
    }
    return medians;
}

}  // namespace bitlathe::bench
