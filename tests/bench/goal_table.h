#pragma once

#include "tests/bench/stopwatch.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitlathe::bench {

/// One line of the table: our time against another's for the same work.
struct Race {
    std::string name;
    std::string peer;
    double goal = 0;  ///< least ratio peer / ours; 0: none was set
    std::function<void()> ours;
    std::function<std::optional<double>()> theirs;  ///< ms of one call; empty: the peer cannot
};

inline double medianOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// One line from times taken in turn. The median of the rounds' ratios says more than the ratio of medians on
/// a machine whose load changes.
inline void printRow(const std::string& name, const std::string& peer, double goal,
                     const std::vector<double>& own, const std::vector<double>& other) {
    if (own.empty()) {
        return;
    }
    std::vector<double> ratios;
    for (std::size_t i = 0; i < own.size(); ++i) {
        ratios.push_back(other[i] / own[i]);
    }
    const double ratio = medianOf(ratios);
    std::printf("%-44s %10.2f %10.2f  %-12s %7.2f", name.c_str(), medianOf(own), medianOf(other),
                peer.c_str(), ratio);
    if (goal > 0) {
        std::printf(" %7.2f  %s", goal, ratio >= goal ? "reached" : "short");
    }
    std::printf("\n");
    std::fflush(stdout);
}

/// Ours and the peer's in turn, one round of each before that counts for nothing.
inline void runRace(const Race& race, int rounds) {
    std::vector<double> own;
    std::vector<double> other;
    for (int round = -1; round < rounds; ++round) {
        const double ours = timeOnce(race.ours);
        const std::optional<double> theirs = race.theirs();
        if (!theirs) {
            return;
        }
        if (round >= 0) {
            own.push_back(ours);
            other.push_back(*theirs);
        }
    }
    printRow(race.name, race.peer, race.goal, own, other);
}

inline void printTableHead() {
    std::printf("%-44s %10s %10s  %-12s %7s %7s\n", "", "ours, ms", "peer, ms", "peer", "ratio", "goal");
}

}  // namespace bitlathe::bench
