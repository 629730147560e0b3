#pragma once

#include "core/device/budget.h"
#include "core/graph/layer.h"
#include "core/search/search_space.h"
#include "core/types/quant_config.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One layer with weights of a chain, by its sizes alone. It reads the output of the one before.
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
    /// When a MixPL layer below the widest bits counts as PL+ICN.
    enum class IcnRule {
        ReferenceCode,  ///< once weights are cut at all: layers whose activations alone were cut stay PL+FB
        Paper,          ///< always
    };
    std::int64_t romLimitBytes = 0;
    std::int64_t ramLimitBytes = 0;
    Mode mode = Mode::MixPL;
    BitChoices bits;  ///< a cut goes to the next width below
    IcnRule icnRule = IcnRule::ReferenceCode;
    double delta = 0.05;  ///< how far below the largest share of the weights a layer may lie and still be cut
};

/// Bits of every tensor under two limits.
struct MemoryDrivenResult {
    enum class Limit { Rom, Ram };
    struct Assignment {
        LayerId layer;
        int weightBits = 0;
        int inputBits = 0;  ///< of a chain equal to the outputBits of the layer before
        int outputBits = 0;
        FoldScheme scheme = FoldScheme::PerLayerFolded;
    };
    struct Activation {
        SiteId site;
        int bits = 0;
    };

    bool isFeasible = false;
    std::vector<Assignment>
        layers;  ///< those with weights; as far as the search came when it is not feasible
    std::vector<Activation> activations;  ///< every tensor, the image first
    double romBytes = 0;                  ///< of a chain with fractions of a byte, as in the paper
    double peakRamBytes = 0;
    std::vector<int> weightCuts;  ///< indices into `layers` of those whose weights were cut, in order
    std::vector<Activation> activationCuts;  ///< to which bits, in order
    std::optional<Limit> brokenLimit;        ///< of the infeasible
    int bindingLayer =
        -1;  ///< the layer that cannot be cut further; for ROM the one with most bytes. Index into the
             ///< chain, or into the model's layers
    std::string verdict;  ///< for people: what fits, or which layer does not and by how much
};

/// Memory-driven mixed precision by rules (Rusci, Capotondi, Benini 2019, arXiv:1905.13082).
///
/// Activations. Layer by layer, forwards and backwards in turn; a layer that breaks
///
///   (inputElements * inputBits + outputElements * outputBits) / 8 <= ramLimitBytes
///
/// has the wider of its two tensors cut, at equal bits the bigger one, in a tie the output. Going forwards
/// only outputs may be cut, going backwards only inputs. After one pass each way, the first pass that had to
/// refuse nothing is the last. The image and the logits keep bits.edge.
///
/// Weights. While the ROM (budget.h) is over its limit, the first layer whose share of all weight bytes is
/// within `delta` of the largest share is cut; layers at the fewest bits are left out.
///
/// MixPL starts with PL+FB; see IcnRule for when layers below the widest bits count as PL+ICN. MixPC counts
/// PC+ICN throughout.
///
/// Always ends: every round cuts, turns or stops. An empty chain is feasible.
/// Errors  InvalidConfig: limits below 0, bits outside 2..8, delta below 0.
MemoryDrivenResult memoryDrivenBits(std::span<const ChainLayer> chain, const MemoryDrivenOptions& options);

/// The same rules on any graph (README eq. 91). What the paper says of a layer's input and output is said of all
/// tensors alive in its step: the widest of them is cut, at equal bits the one with most bytes, in a tie the output;
/// forwards only the step's own output may be cut, backwards only what was made before (inputs and what is held for
/// later layers). Pools and other layers with one input and no weights hand their input's bits on; additions and
/// concatenations choose their own. Steps are those of `ramModel`; bytes are whole per tensor, and the ROM holds the
/// parameters of layers without weights, so that a feasible result fits by the budget's own figures.
MemoryDrivenResult memoryDrivenBits(const PreparedModel& model, const MemoryDrivenOptions& options,
                                    RamModel ramModel = RamModel::Lifetimes, const ArenaRules& rules = {});

/// Puts the bits, granularity and batch-norm mode found into a configuration; quantizers and observers stay
/// as they are. With the result of a chain, layers between (pools) and the graph input get the bits of the tensor
/// they hand on.
void applyBits(const MemoryDrivenResult& result, const PreparedModel& model, QuantConfig& config);

}  // namespace bitlathe::core
