#include "core/analysis/entropy_coding.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <queue>

namespace bitlathe::core {

double shannonEntropyBits(std::span<const std::uint64_t> counts) noexcept {
    double total = 0;
    for (const std::uint64_t count : counts) {
        total += static_cast<double>(count);
    }
    double entropy = 0;
    for (const std::uint64_t count : counts) {
        if (count > 0) {
            const double share = static_cast<double>(count) / total;
            entropy -= share * std::log2(share);
        }
    }
    return entropy;
}

double huffmanAverageBits(std::span<const std::uint64_t> counts) {
    std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> nodes;
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts) {
        if (count > 0) {
            nodes.push(count);
            total += count;
        }
    }
    // The average length is the sum of all inner nodes' weights over the total: every merge puts one bit on
    // what is below it.
    std::uint64_t bits = 0;
    while (nodes.size() > 1) {
        const std::uint64_t first = nodes.top();
        nodes.pop();
        const std::uint64_t second = nodes.top();
        nodes.pop();
        bits += first + second;
        nodes.push(first + second);
    }
    return total == 0 ? 0.0 : static_cast<double>(bits) / static_cast<double>(total);
}

std::vector<std::uint64_t> codeCounts(std::span<const std::int32_t> codes) {
    std::map<std::int32_t, std::uint64_t> counts;
    for (const std::int32_t code : codes) {
        ++counts[code];
    }
    std::vector<std::uint64_t> result;
    for (const auto& [code, count] : counts) {
        result.push_back(count);
    }
    return result;
}

}  // namespace bitlathe::core
