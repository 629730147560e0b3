#pragma once

#include "core/device/budget.h"
#include "core/graph/layer.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One layer with weights of a chain: what the rule-based search looks at. It reads the output of the one
/// before.
struct ChainLayer {
    LayerId id;
    std::int64_t weights = 0;
    std::int64_t outputChannels = 0;
    std::int64_t inputElements = 0;  ///< one sample; behind the pooling, where there is one in between
    std::int64_t outputElements = 0;
};

/// The chain of a prepared model: its layers with weights in execution order, pools and flattens in between.
/// Errors  UnsupportedOperator naming the layer that makes it no chain (add, mul, concat, a tensor read
/// twice).
std::vector<ChainLayer> chainOf(const PreparedModel& model);

struct MemoryDrivenOptions {
    enum class Mode {
        MixPL,  ///< weights per tensor
        MixPC,  ///< weights per channel
    };
    std::int64_t romLimitBytes = 0;
    std::int64_t ramLimitBytes = 0;
    Mode mode = Mode::MixPL;
    int startBits = 8;  ///< of everything; cuts halve it
    int minBits = 2;
    double delta = 0.05;  ///< how far below the largest share of the weights a layer may lie and still be cut
};

/// Bits of every tensor of a chain under two limits.
struct MemoryDrivenResult {
    enum class Limit { Rom, Ram };
    struct Assignment {
        LayerId layer;
        int weightBits = 0;
        int inputBits = 0;  ///< equal to the outputBits of the layer before
        int outputBits = 0;
        FoldScheme scheme = FoldScheme::PerLayerFolded;
    };

    bool isFeasible = false;
    std::vector<Assignment> layers;  ///< as far as the search came when it is not feasible
    double romBytes = 0;             ///< fractions of a byte kept, as in the paper; computeBudget rounds up
    double peakRamBytes = 0;
    std::vector<int> weightCuts;       ///< indices of the layers whose weights were cut, in order
    std::optional<Limit> brokenLimit;  ///< of the infeasible
    int bindingLayer = -1;  ///< the layer that cannot be cut further; for ROM the one with most bytes
    std::string verdict;    ///< for people: what fits, or which layer does not and by how much
};

/// Memory-driven mixed precision by rules (Rusci, Capotondi, Benini 2019, arXiv:1905.13082).
///
/// Activations. Layer by layer, forwards and backwards in turn; a layer that breaks
///
///   (inputElements * inputBits + outputElements * outputBits) / 8 <= ramLimitBytes
///
/// has the wider of its two tensors halved, at equal bits the bigger one, in a tie the output. Going forwards
/// only outputs may be cut, going backwards only inputs. After one pass each way, the first pass that had to
/// refuse nothing is the last. The image and the logits keep startBits.
///
/// Weights. While the ROM (budget.h) is over its limit, the first layer whose share of all weight bytes is
/// within `delta` of the largest share is halved; layers at minBits are left out.
///
/// MixPL starts with PL+FB; once weights are cut, layers with a width below startBits count as PL+ICN. As in
/// the authors' code, layers whose activations alone were cut stay PL+FB when no weights had to be.
/// MixPC counts PC+ICN throughout.
///
/// Always ends: every round cuts, turns or stops. An empty chain is feasible.
/// Errors  InvalidConfig: limits below 0, bits outside 1..16, minBits above startBits, delta below 0.
MemoryDrivenResult memoryDrivenBits(std::span<const ChainLayer> chain, const MemoryDrivenOptions& options);

/// Puts the bits, granularity and batch-norm mode found into a configuration; quantizers and observers stay
/// as they are. Layers between (pools) and the graph input get the bits of the tensor they hand on.
void applyBits(const MemoryDrivenResult& result, const PreparedModel& model, QuantConfig& config);

}  // namespace bitlathe::core
