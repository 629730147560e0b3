#pragma once

#include "core/deploy/integer_graph.h"
#include "core/device/arena_plan.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace bitlathe::core {

/// One constant array of the exported network. Sizes are whole words, so that sections hold no hidden gaps.
struct CTable {
    enum class Kind {
        Weights,     ///< packed at their bits
        Parameters,  ///< biases, multipliers, shifts, zero points, thresholds
        Constants,   ///< lookup tables; they lie in the section of the parameters
    };
    enum class Type { Uint8, Int8, Uint16, Int32 };

    std::string name;
    Kind kind = Kind::Parameters;
    Type type = Type::Uint8;
    std::vector<std::int64_t> values;  ///< `used` of them carry data, the rest fills the last word
    std::size_t used = 0;

    std::int64_t bytes() const noexcept;
};

/// One layer as a call: `function(&variable, inputs..., output[, scratch])`.
struct CStep {
    std::size_t layerIndex = 0;       ///< of IntegerGraph::layers; a concat is one step per input
    std::string layer;                ///< path in the model
    std::string function;             ///< "bl_run_conv"
    std::string structType;           ///< "bl_conv"
    std::string variable;             ///< name of the layer's description
    std::vector<std::string> fields;  ///< designated initialisers: ".bias = conv1_words + 2"
    std::vector<int> inputs;          ///< tensors
    int output = -1;
    std::int64_t scratchBytes = 0;
    std::int64_t weightBytes = 0;  ///< of its tables
    std::int64_t parameterBytes = 0;
    std::int64_t constantBytes = 0;
    std::string kernel;  ///< for people: "blocks of 2 x 4, 4-bit weights"
};

/// A threshold set or another description that a step's description points at.
struct CExtra {
    std::string structType;
    std::string variable;
    std::vector<std::string> fields;
};

/// Bytes of the network's data, known before a compiler has seen it: the sections of the ELF file.
/// Code and stack are not in it.
struct CFootprint {
    std::int64_t weightBytes = 0;     ///< section of the weights
    std::int64_t parameterBytes = 0;  ///< section of everything else that is a table
    std::int64_t constantBytes = 0;   ///< of these, lookup tables
    std::int64_t fillBytes = 0;       ///< bytes of both sections that only fill words
    std::int64_t descriptionBytes =
        0;                        ///< constant structs that say what the layers are, on a 32-bit processor
    std::int64_t arenaBytes = 0;  ///< the one static buffer: inner tensors and scratch
    std::int64_t inputBytes = 0;  ///< the caller's buffers
    std::int64_t outputBytes = 0;

    std::int64_t romBytes() const noexcept { return weightBytes + parameterBytes; }
};

/// Whose kernels run convolutions.
enum class CBackend {
    Own,  ///< kernels/ of this folder, all of them
    CmsisNn,  ///< Arm's CMSIS-NN where it can: 8-bit inputs and outputs, symmetric weights of 8 or 4 bits; else ours
};

/// An integer model as the C exporter writes it.
struct CNetwork {
    std::string name;  ///< C identifier
    CBackend backend = CBackend::Own;
    IntegerGraph graph;
    std::vector<CTable> tables;
    std::vector<CExtra> extras;
    std::vector<CStep> steps;
    std::set<std::string> features;            ///< BL_HAS_... names that are true
    std::vector<std::int64_t> tensorOffsets;   ///< by tensor: in the arena, -1 for the caller's buffers
    std::vector<std::int64_t> scratchOffsets;  ///< by step, -1 without scratch
    std::vector<ArenaBuffer> arenaBuffers;     ///< inner tensors and scratch; their steps index `steps`
    ArenaPlan arenaPlan;                       ///< where they lie
    CFootprint footprint;
};

/// Chooses kernels, orders weights, lays out the arena.
/// Errors  UnsupportedOperator naming the layer: shapes beyond 65535 or windows beyond 255, a zero point that fits no
/// byte.
CNetwork buildCNetwork(const IntegerGraph& graph, CBackend backend = CBackend::Own);

/// Bytes of one tensor, codes packed at their bits; 4 a value for accumulators.
std::int64_t tensorBytes(const IntegerTensor& tensor) noexcept;

}  // namespace bitlathe::core
