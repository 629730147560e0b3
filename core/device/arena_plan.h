#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One stretch of activation memory: a tensor, or a layer's scratch. Alive from step `first` to step `last`, both
/// included; a step is one layer's run.
struct ArenaBuffer {
    std::string name;        ///< for people: the layer that makes it
    std::int64_t bytes = 0;  ///< exact; the planner does the aligning
    int first = 0;
    int last = 0;
};

/// Two buffers that may share bytes although both are alive, because a kernel reads `input` and writes `output` in
/// the same order: safe when the output starts at least `leadBytes` in front of the input.
///
///   offset(output) + leadBytes <= offset(input)
///
/// It counts where the input's last step is the output's first: an input that somebody still needs is never written
/// over. 0: in place. A lead of output.bytes or more says nothing new (they are apart anyway).
struct ArenaOverlap {
    int input = -1;
    int output = -1;
    std::int64_t leadBytes = 0;
};

/// One contiguous piece of RAM the arena may lie in.
struct ArenaBank {
    std::string name;
    std::int64_t bytes = 0;
};

struct ArenaOptions {
    std::int64_t alignment = 4;    ///< of every offset, a power of two: word loads need 4
    std::vector<ArenaBank> banks;  ///< in order of preference; empty: one without a limit
};

/// Where every buffer lies.
struct ArenaPlan {
    static constexpr std::int64_t kUnplaced = -1;

    std::vector<std::int64_t> offsets;  ///< by buffer, from its bank's start; kUnplaced: fits into no bank
    std::vector<int> bankOf;            ///< by buffer, index into the options' banks; 0 without banks
    std::vector<std::int64_t>
        bankBytes;                     ///< by bank: up to the highest byte used, rounded up to the alignment
    std::int64_t bytes = 0;            ///< sum over the banks
    std::int64_t lowerBoundBytes = 0;  ///< no plan needs less: the largest sum of what is alive in one step
    int peakStep = -1;                 ///< the first step that reaches the lower bound; -1: no buffers

    bool isPlaced() const noexcept;  ///< every buffer has a place
    bool isOptimal() const noexcept { return isPlaced() && bytes <= lowerBoundBytes; }
};

/// Gives buffers offsets so that no two that are alive in the same step share a byte, but for `overlaps` that keep
/// their lead. First fit in several orders (largest first, longest-lived first, from the peak outwards), then a
/// fixed number of tries with orders shuffled by a fixed seed, until the lower bound is met: the best wins, the
/// same on every machine. README eq. 92 for the bound. The exporter's arena and the budget's RAM figure both come
/// from here, so they agree to the byte.
/// Cost   tries times buffers squared; a MobileNetV1 meets its bound in the first orders (tens of microseconds).
/// Errors InvalidConfig: negative bytes, last before first, an overlap of buffers that do not exist, an alignment
///        that is no power of two.
ArenaPlan planArena(std::span<const ArenaBuffer> buffers, std::span<const ArenaOverlap> overlaps,
                    const ArenaOptions& options = {});

}  // namespace bitlathe::core
