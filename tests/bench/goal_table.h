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
    std::function<std::optional<Timing>()> theirs;  ///< one call; empty: the peer cannot
};

inline double medianOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// One line from times taken in turn: the medians of the rounds' ratios say more than the ratios of medians on
/// a machine whose load changes. The goal is held against the ratio by the clock.
inline void printRow(const std::string& name, const std::string& peer, double goal,
                     const std::vector<Timing>& own, const std::vector<Timing>& other) {
    if (own.empty()) {
        return;
    }
    std::vector<double> ownMs;
    std::vector<double> otherMs;
    std::vector<double> ratios;
    std::vector<double> cpuRatios;
    for (std::size_t i = 0; i < own.size(); ++i) {
        ownMs.push_back(own[i].wallMs);
        otherMs.push_back(other[i].wallMs);
        ratios.push_back(other[i].wallMs / own[i].wallMs);
        cpuRatios.push_back(other[i].cpuMs / std::max(own[i].cpuMs, 1e-3));
    }
    const double ratio = medianOf(ratios);
    std::printf("%-44s %10.2f %10.2f  %-10s %7.2f %7.2f", name.c_str(), medianOf(ownMs), medianOf(otherMs),
                peer.c_str(), ratio, medianOf(cpuRatios));
    if (goal > 0) {
        std::printf(" %7.2f  %s", goal, ratio >= goal ? "reached" : "short");
    }
    std::printf("\n");
    std::fflush(stdout);
}

/// Ours and the peer's in turn, one round of each before that counts for nothing.
inline void runRace(const Race& race, int rounds) {
    std::vector<Timing> own;
    std::vector<Timing> other;
    for (int round = -1; round < rounds; ++round) {
        const Timing ours = timeBoth(race.ours);
        const std::optional<Timing> theirs = race.theirs();
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
    std::printf("%-44s %10s %10s  %-10s %7s %7s %7s\n", "", "ours, ms", "peer, ms", "peer", "ratio", "CPU",
                "goal");
}

}  // namespace bitlathe::bench
