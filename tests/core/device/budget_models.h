#pragma once

#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <optional>
#include <string>
#include <vector>

namespace bitlathe::core::testing {

/// One weighted layer of a chain, by its sizes alone.
struct ChainLayer {
    std::int64_t weights = 0;
    std::int64_t outChannels = 0;
    std::int64_t inElements = 0;
    std::int64_t outElements = 0;
};

/// A chain of convolutions named "layer0", "layer1", ...; where a layer reads fewer values than the one
/// before made, a global average pool named "pool<i>" stands between them. Weights are counted, not held.
PreparedModel chainModel(const std::vector<ChainLayer>& layers);

/// A golden case file of the reference's bit assignment (tests/golden/memory_driven.json).
struct MemoryDrivenCase {
    std::string name;
    std::string mode;  ///< MixPL, MixPC
    std::int64_t romLimit = 0;
    std::int64_t ramLimit = 0;
    std::vector<ChainLayer> layers;
    bool isFeasible = false;
    // Of feasible cases:
    std::vector<int> weightBits, inputBits, outputBits;
    std::vector<std::string> quantTypes, foldTypes;  ///< "PL"/"PC", "FB"/"ICN"
    std::vector<double> weightBytes, overheadBytes, ramBytes;
    double romBytes = 0;
    double peakRamBytes = 0;
    std::vector<int> weightCuts;
};
/// Throws std::runtime_error when the file cannot be read.
std::vector<MemoryDrivenCase> memoryDrivenCases();

/// The same bits everywhere; empty: float.
QuantConfig uniformConfig(const PreparedModel& model, std::optional<int> weightBits,
                          std::optional<int> outputBits,
                          Granularity::Kind granularity = Granularity::Kind::Tensor);

}  // namespace bitlathe::core::testing
