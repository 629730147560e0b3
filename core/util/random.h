#pragma once

#include "core/types/seed.h"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <random>

namespace bitlathe::core {

/// Random draws that are the same on every machine: the standard fixes mt19937_64's numbers, but not what its
/// distributions make of them.
class Random {
public:
    explicit Random(Seed seed) : m_engine(seed.value) {}

    /// Independent stream for each tuple of keys: Random(seed, {epoch, sample}).
    Random(Seed seed, std::initializer_list<std::uint64_t> keys) : m_engine(mixed(seed.value, keys)) {}

    /// Uniform in [0, 1), 53 bits.
    double uniform() { return static_cast<double>(m_engine() >> 11) * 0x1.0p-53; }
    /// Uniform integer in [0, bound), bound >= 1; the bias of the multiplication is below 2^-32 for bound <
    /// 2^32.
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>(uniform() * static_cast<double>(bound));
    }
    /// Standard normal (Box and Muller 1958).
    double normal() {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

private:
    /// SplitMix64 finaliser: neighbouring keys give unrelated states.
    static std::uint64_t scrambled(std::uint64_t x) {
        x += 0x9E3779B97F4A7C15ULL;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
        return x ^ (x >> 31);
    }
    static std::uint64_t mixed(std::uint64_t seed, std::initializer_list<std::uint64_t> keys) {
        std::uint64_t state = scrambled(seed);
        for (const std::uint64_t key : keys) {
            state = scrambled(state ^ scrambled(key));
        }
        return state;
    }

    std::mt19937_64 m_engine;
};

}  // namespace bitlathe::core
