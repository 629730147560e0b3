#pragma once

#include "core/search/memory_driven.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitlathe::core {

/// What the rules look at: layers with weights, tensors, and which of them each step keeps in memory.
struct MemoryDrivenProblem {
    struct Weights {
        LayerId layer;
        std::int64_t count = 0;
        std::int64_t channels = 0;
        int input = 0;   ///< tensor it reads
        int output = 0;  ///< tensor it makes
        int layerIndex = 0;
        bool isLogits = false;
    };
    struct Tensor {
        SiteId site;
        bool isFixed = false;
    };
    struct Step {
        int layerIndex = 0;
        LayerId layer;
        int output = -1;
        std::int64_t fixedBytes = 0;
        std::vector<SearchStep::Term> terms;  ///< `site` is a tensor here
    };
    std::vector<Weights> weights;
    std::vector<Tensor> tensors;
    std::vector<Step> steps;
    std::int64_t otherRomBytes = 0;
    bool areBytesWhole = false;  ///< every tensor rounded up to bytes; else fractions count, as in the paper
};

/// The paper's problem: fractions of a byte count.
MemoryDrivenProblem memoryDrivenProblem(std::span<const ChainLayer> chain);

/// A graph's, in the budget's figures (README eq. 91).
/// Errors  UnsupportedOperator: a layer with weights that reads what has no bits to choose.
MemoryDrivenProblem memoryDrivenProblem(const PreparedModel& model, const MemoryDrivenOptions& options,
                                        RamModel ramModel, const ArenaRules& rules);

/// The rules themselves (memory_driven.h). `options` are validated, their widths sorted.
MemoryDrivenResult cutToLimits(const MemoryDrivenProblem& problem, const MemoryDrivenOptions& options);

}  // namespace bitlathe::core
