#include "core/device/arena_plan.h"

#include "core/types/error.h"
#include "core/util/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr int kShuffledTries = 200;
constexpr std::size_t kMaxBuffersToShuffle = 256;  // tries cost the square; beyond, the fixed orders stand

std::int64_t roundUp(std::int64_t value, std::int64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

void validate(std::span<const ArenaBuffer> buffers, std::span<const ArenaOverlap> overlaps,
              const ArenaOptions& options) {
    for (const ArenaBuffer& buffer : buffers) {
        if (buffer.bytes < 0 || buffer.first < 0 || buffer.last < buffer.first) {
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("arena buffer '{}' of {} B alive from step {} to {} cannot be",
                                    buffer.name, buffer.bytes, buffer.first, buffer.last));
        }
    }
    const auto count = static_cast<int>(buffers.size());
    for (const ArenaOverlap& overlap : overlaps) {
        if (overlap.input < 0 || overlap.output < 0 || overlap.input >= count || overlap.output >= count ||
            overlap.input == overlap.output || overlap.leadBytes < 0) {
            throw Error(ErrorCode::InvalidConfig,
                        fmt::format("arena overlap of buffers {} and {} (lead {} B): there are {} buffers",
                                    overlap.input, overlap.output, overlap.leadBytes, count));
        }
    }
    if (options.alignment < 1 || (options.alignment & (options.alignment - 1)) != 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("arena alignment {} is no power of two", options.alignment));
    }
}

/// Offsets of a buffer from here (excluded) to there (excluded) would make it touch another one.
struct Forbidden {
    std::int64_t above = 0;
    std::int64_t below = 0;
};

class Planner {
public:
    Planner(std::span<const ArenaBuffer> buffers, std::span<const ArenaOverlap> overlaps,
            const ArenaOptions& options)
        : m_buffers(buffers), m_options(options), m_rivals(buffers.size()) {
        for (std::size_t a = 0; a < buffers.size(); ++a) {
            for (std::size_t b = 0; b < buffers.size(); ++b) {
                const bool areBothAlive =
                    buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
                if (a != b && areBothAlive && buffers[a].bytes > 0 && buffers[b].bytes > 0) {
                    m_rivals[a].push_back({b, std::nullopt, false});
                }
            }
        }
        for (const ArenaOverlap& overlap : overlaps) {
            const auto input = static_cast<std::size_t>(overlap.input);
            const auto output = static_cast<std::size_t>(overlap.output);
            if (buffers[input].last == buffers[output].first) {
                allow(output, input, overlap.leadBytes, true);
                allow(input, output, overlap.leadBytes, false);
            }
        }
        if (m_options.banks.empty()) {
            m_options.banks.push_back({"", std::numeric_limits<std::int64_t>::max() / 4});
        }
    }

    ArenaPlan run() {
        findLowerBound();
        std::vector<std::size_t> order(m_buffers.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        const auto by = [&](auto key) {
            std::stable_sort(order.begin(), order.end(),
                             [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
            attempt(order);
        };
        const auto steps = [&](std::size_t i) {
            return static_cast<std::int64_t>(m_buffers[i].last - m_buffers[i].first + 1);
        };
        by([&](std::size_t i) { return steps(i); });
        by([&](std::size_t i) { return m_buffers[i].bytes * steps(i); });
        by([&](std::size_t i) { return -distanceFromPeak(i); });
        by([&](std::size_t i) { return m_buffers[i].bytes; });
        if (m_buffers.size() <= kMaxBuffersToShuffle) {
            shuffle(order);
        }
        return std::move(m_best);
    }

private:
    struct Rival {
        std::size_t buffer = 0;
        std::optional<std::int64_t> lead;  ///< set: they may overlap under this lead
        bool isInput = false;              ///< of the two, the rival is the input
    };

    std::int64_t aligned(std::int64_t bytes) const { return roundUp(bytes, m_options.alignment); }

    void allow(std::size_t buffer, std::size_t other, std::int64_t lead, bool isOtherInput) {
        for (Rival& rival : m_rivals[buffer]) {
            if (rival.buffer == other) {
                rival.lead = lead;
                rival.isInput = isOtherInput;
            }
        }
    }

    std::int64_t distanceFromPeak(std::size_t i) const {
        const ArenaBuffer& buffer = m_buffers[i];
        return std::max({0, buffer.first - m_best.peakStep, m_best.peakStep - buffer.last});
    }

    /// README eq. 92. Every offset is aligned, so sizes and leads count rounded up. An output that may lie over its
    /// inputs takes max(output, inputs + the least lead) instead of output + inputs.
    void findLowerBound() {
        int steps = 0;
        for (const ArenaBuffer& buffer : m_buffers) {
            steps = std::max(steps, buffer.last + 1);
        }
        std::vector<std::int64_t> change(static_cast<std::size_t>(steps) + 1, 0);
        for (const ArenaBuffer& buffer : m_buffers) {
            change[static_cast<std::size_t>(buffer.first)] += aligned(buffer.bytes);
            change[static_cast<std::size_t>(buffer.last) + 1] -= aligned(buffer.bytes);
        }
        std::vector<std::int64_t> saved(static_cast<std::size_t>(steps), 0);
        for (std::size_t i = 0; i < m_buffers.size(); ++i) {
            addSavings(i, saved);
        }
        std::int64_t alive = 0;
        for (int step = 0; step < steps; ++step) {
            alive += change[static_cast<std::size_t>(step)];
            const std::int64_t needed = alive - saved[static_cast<std::size_t>(step)];
            if (needed > m_best.lowerBoundBytes || m_best.peakStep < 0) {
                m_best.lowerBoundBytes = needed;
                m_best.peakStep = step;
            }
        }
    }

    /// What overlaps of output i may save in the step that makes it: never too little, so the bound stays one.
    void addSavings(std::size_t i, std::vector<std::int64_t>& saved) const {
        const std::int64_t output = aligned(m_buffers[i].bytes);
        std::int64_t inputs = 0;
        std::int64_t leastLead = output;
        for (const Rival& rival : m_rivals[i]) {
            if (rival.lead && rival.isInput) {
                inputs += aligned(m_buffers[rival.buffer].bytes);
                leastLead = std::min(leastLead, aligned(*rival.lead));
            }
        }
        saved[static_cast<std::size_t>(m_buffers[i].first)] += std::min(output - leastLead, inputs);
    }

    void shuffle(std::vector<std::size_t>& order) {
        Random random(Seed{1});
        std::vector<std::size_t> best = order;
        for (int i = 0; i < kShuffledTries && !m_best.isOptimal() && order.size() > 1; ++i) {
            order = best;
            // A few places changed keep what was good about the order.
            for (int swaps = 0; swaps < 1 + i % 4; ++swaps) {
                std::swap(order[random.below(order.size())], order[random.below(order.size())]);
            }
            if (attempt(order)) {
                best = order;
            }
        }
    }

    /// Places the buffers in this order; keeps the plan when it is better than the best so far.
    bool attempt(const std::vector<std::size_t>& order) {
        if (m_best.isOptimal() && !m_best.offsets.empty()) {
            return false;
        }
        ArenaPlan plan;
        plan.offsets.assign(m_buffers.size(), ArenaPlan::kUnplaced);
        plan.bankOf.assign(m_buffers.size(), 0);
        plan.bankBytes.assign(m_options.banks.size(), 0);
        int unplaced = 0;
        for (const std::size_t i : order) {
            unplaced += place(i, plan) ? 0 : 1;
        }
        for (std::int64_t& bytes : plan.bankBytes) {
            bytes = aligned(bytes);
        }
        plan.bytes = std::accumulate(plan.bankBytes.begin(), plan.bankBytes.end(), std::int64_t{0});
        const std::pair score{unplaced, plan.bytes};
        if (!m_best.offsets.empty() && score >= m_bestScore) {
            return false;
        }
        m_bestScore = score;
        plan.lowerBoundBytes = m_best.lowerBoundBytes;
        plan.peakStep = m_best.peakStep;
        m_best = std::move(plan);
        return true;
    }

    bool place(std::size_t i, ArenaPlan& plan) const {
        const std::int64_t bytes = m_buffers[i].bytes;
        for (std::size_t bank = 0; bank < m_options.banks.size(); ++bank) {
            const std::int64_t offset = lowestOffset(i, static_cast<int>(bank), plan);
            if (offset + bytes <= m_options.banks[bank].bytes) {
                plan.offsets[i] = offset;
                plan.bankOf[i] = static_cast<int>(bank);
                plan.bankBytes[bank] = std::max(plan.bankBytes[bank], offset + bytes);
                return true;
            }
        }
        return false;
    }

    std::int64_t lowestOffset(std::size_t i, int bank, const ArenaPlan& plan) const {
        std::vector<Forbidden> forbidden;
        for (const Rival& rival : m_rivals[i]) {
            const std::int64_t at = plan.offsets[rival.buffer];
            if (at != ArenaPlan::kUnplaced && plan.bankOf[rival.buffer] == bank) {
                forbidden.push_back(around(i, rival, at));
            }
        }
        std::sort(forbidden.begin(), forbidden.end(),
                  [](const Forbidden& a, const Forbidden& b) { return a.above < b.above; });
        std::int64_t offset = 0;
        for (const Forbidden& gap : forbidden) {
            if (gap.above < offset && offset < gap.below) {
                offset = roundUp(gap.below, m_options.alignment);
            }
        }
        return offset;
    }

    Forbidden around(std::size_t i, const Rival& rival, std::int64_t at) const {
        const std::int64_t bytes = m_buffers[i].bytes;
        const std::int64_t others = m_buffers[rival.buffer].bytes;
        if (rival.lead && rival.isInput) {
            return {at - std::min(*rival.lead, bytes), at + others};  // as the output: start early enough
        }
        if (rival.lead) {
            return {at - bytes, at + std::min(*rival.lead, others)};  // as the input: start late enough
        }
        return {at - bytes, at + others};
    }

    std::span<const ArenaBuffer> m_buffers;
    ArenaOptions m_options;
    std::vector<std::vector<Rival>> m_rivals;  ///< by buffer: those alive beside it
    ArenaPlan m_best;
    std::pair<int, std::int64_t> m_bestScore{0, 0};
};

}  // namespace

bool ArenaPlan::isPlaced() const noexcept {
    return std::none_of(offsets.begin(), offsets.end(),
                        [](std::int64_t offset) { return offset == kUnplaced; });
}

ArenaPlan planArena(std::span<const ArenaBuffer> buffers, std::span<const ArenaOverlap> overlaps,
                    const ArenaOptions& options) {
    validate(buffers, overlaps, options);
    return Planner(buffers, overlaps, options).run();
}

}  // namespace bitlathe::core
