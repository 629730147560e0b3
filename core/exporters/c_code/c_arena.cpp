#include "core/exporters/c_code/c_arena.h"

#include "core/types/error.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr int kNone = -1;

/// First and last step that touch each tensor.
struct Lifetime {
    int first = kNone;
    int last = kNone;
    int readers = 0;
};

std::vector<Lifetime> lifetimes(const CNetwork& network) {
    std::vector<Lifetime> lives(network.graph.tensors.size());
    for (std::size_t s = 0; s < network.steps.size(); ++s) {
        const CStep& step = network.steps[s];
        const int at = static_cast<int>(s);
        for (const int input : step.inputs) {
            Lifetime& life = lives[static_cast<std::size_t>(input)];
            life.last = at;
            ++life.readers;
        }
        Lifetime& made = lives[static_cast<std::size_t>(step.output)];
        made.first = made.first == kNone ? at : made.first;
        made.last = std::max(made.last, at);
    }
    return lives;
}

bool isInner(const CNetwork& network, int tensor) {
    return tensor != network.graph.input && tensor != network.graph.output;
}

/// The depthwise kernel reads a row before it writes one, per channel, at the same places.
bool runsInPlace(const CNetwork& network, const CStep& step, const std::vector<Lifetime>& lives) {
    if (step.function != "bl_run_depthwise3" || !isInner(network, step.inputs[0]) ||
        !isInner(network, step.output)) {
        return false;
    }
    const IntegerTensor& in = network.graph.tensor(step.inputs[0]);
    const IntegerTensor& out = network.graph.tensor(step.output);
    const auto& conv = std::get<IntegerConv>(network.graph.layers[step.layerIndex].op);
    return lives[static_cast<std::size_t>(step.inputs[0])].readers == 1 && in.bits == out.bits &&
           out.columns <= in.columns && conv.padding[0] <= 2;
}

/// The rows, columns and stride of the windows of a layer.
struct Windows {
    std::array<int, 2> stride{1, 1};
    std::array<int, 4> padding{0, 0, 0, 0};
    int pixelsTogether = 1;  ///< output pixels whose inputs are all read before the first of them is written
    bool isReadFirst = false;  ///< all inputs of those are taken before anything is written
};

std::optional<Windows> windowsOf(const IntegerLayer& layer, const CStep& step) {
    Windows windows;
    if (const auto* conv = std::get_if<IntegerConv>(&layer.op)) {
        windows.stride = conv->stride;
        windows.padding = conv->padding;
        windows.isReadFirst = step.function == "bl_run_conv";
        windows.pixelsTogether = windows.isReadFirst ? 2 : 1;
        const bool isOurs = windows.isReadFirst || step.function == "bl_run_conv_any";
        return isOurs ? std::optional(windows) : std::nullopt;
    }
    if (const auto* pool = std::get_if<IntegerMaxPool>(&layer.op)) {
        windows.stride = pool->stride;
        windows.padding = pool->padding;
        return windows;
    }
    if (const auto* pool = std::get_if<IntegerAveragePool>(&layer.op)) {
        windows.stride = pool->stride;
        windows.padding = pool->padding;
        return windows;
    }
    return std::nullopt;
}

/// Code by code from front to back.
bool isElementwise(const IntegerLayer& layer) {
    return std::holds_alternative<IntegerAdd>(layer.op) || std::holds_alternative<IntegerRescale>(layer.op) ||
           std::holds_alternative<IntegerLookup>(layer.op);
}

std::int64_t elementwiseLead(const IntegerTensor& in, const IntegerTensor& out) {
    // After element i: ceil((i + 1) out.bits / 8) bytes are written, input from floor((i + 1) in.bits / 8) is needed.
    // Equal bits never collide: a shared byte is written bit by bit.
    if (out.bits == in.bits) {
        return 0;
    }
    std::int64_t lead = 0;
    for (std::int64_t i = 1; i < out.elements(); ++i) {
        lead = std::max(lead, (i * out.bits + 7) / 8 - i * in.bits / 8);
    }
    return lead;
}

}  // namespace

std::int64_t outputLead(const IntegerGraph& graph, const IntegerLayer& layer, const CStep& step) {
    const IntegerTensor& in = graph.tensor(step.inputs[0]);
    const IntegerTensor& out = graph.tensor(step.output);
    if (isElementwise(layer)) {
        return elementwiseLead(in, out);
    }
    const std::optional<Windows> windows = windowsOf(layer, step);
    if (!windows) {
        return tensorBytes(out);
    }
    const std::int64_t pixels = std::int64_t{out.rows} * out.columns;
    // Byte of the first input that output pixel p or a later one reads.
    const auto firstNeeded = [&](std::int64_t p) {
        const std::int64_t row =
            std::max<std::int64_t>(0, p / out.columns * windows->stride[0] - windows->padding[0]);
        const std::int64_t column =
            std::max<std::int64_t>(0, p % out.columns * windows->stride[1] - windows->padding[1]);
        return (row * in.columns + column) * in.channels * in.bits / 8;
    };
    std::int64_t lead = 0;
    for (std::int64_t p = 0; p < pixels; p += windows->pixelsTogether) {
        const std::int64_t next = std::min(pixels, p + windows->pixelsTogether);
        const std::int64_t written = (next * out.channels * out.bits + 7) / 8;
        const std::int64_t needed = windows->isReadFirst ? next : p;
        if (needed < pixels) {
            lead = std::max(lead, written - firstNeeded(needed));
        }
    }
    return lead;
}

namespace {

/// The arena's buffers and which memory may be shared.
struct ArenaProblem {
    std::vector<ArenaBuffer> buffers;
    std::vector<ArenaOverlap> overlaps;
    std::vector<int> bufferOf;   ///< by tensor
    std::vector<int> scratchOf;  ///< by step
    struct InPlace {
        std::size_t step = 0;
        ArenaOverlap pair;
        std::int64_t pixelBytes = 1;
    };
    std::vector<InPlace> inPlace;  ///< depthwise layers that overlap their input by whole pixels
};

/// `joined`: steps whose output lies exactly where their input is.
ArenaProblem arenaProblem(const CNetwork& network, const std::set<std::size_t>& joined) {
    const std::vector<Lifetime> lives = lifetimes(network);
    ArenaProblem problem;
    problem.bufferOf.assign(network.graph.tensors.size(), kNone);
    problem.scratchOf.assign(network.steps.size(), kNone);
    for (std::size_t s = 0; s < network.steps.size(); ++s) {
        const CStep& step = network.steps[s];
        const auto output = static_cast<std::size_t>(step.output);
        const auto input = static_cast<std::size_t>(step.inputs[0]);
        if (isInner(network, step.output) && problem.bufferOf[output] == kNone) {
            if (joined.contains(s)) {
                problem.bufferOf[output] = problem.bufferOf[input];
                problem.buffers[static_cast<std::size_t>(problem.bufferOf[input])].last = lives[output].last;
            } else {
                problem.bufferOf[output] = static_cast<int>(problem.buffers.size());
                problem.buffers.push_back({step.layer, tensorBytes(network.graph.tensor(step.output)),
                                           lives[output].first, lives[output].last});
                const ArenaOverlap pair{problem.bufferOf[input], problem.bufferOf[output], 0};
                if (runsInPlace(network, step, lives)) {
                    const IntegerTensor& in = network.graph.tensor(step.inputs[0]);
                    problem.inPlace.push_back({s, pair, std::int64_t{in.channels} * in.bits / 8});
                    problem.overlaps.push_back(pair);
                } else if (pair.input != kNone && lives[input].last == static_cast<int>(s)) {
                    problem.overlaps.push_back(pair);
                    problem.overlaps.back().leadBytes =
                        outputLead(network.graph, network.graph.layers[step.layerIndex], step);
                }
            }
        }
        if (step.scratchBytes > 0) {
            problem.scratchOf[s] = static_cast<int>(problem.buffers.size());
            problem.buffers.push_back(
                {step.layer + " scratch", step.scratchBytes, static_cast<int>(s), static_cast<int>(s)});
        }
    }
    return problem;
}

/// A depthwise layer works through four channels at a time: written pixels must lie on whole pixels of the input.
bool isBroken(const ArenaProblem& problem, const ArenaProblem::InPlace& layer, const ArenaPlan& plan) {
    const auto at = [&](int buffer) { return plan.offsets[static_cast<std::size_t>(buffer)]; };
    const std::int64_t distance = at(layer.pair.input) - at(layer.pair.output);
    const bool isApart = distance >= problem.buffers[static_cast<std::size_t>(layer.pair.output)].bytes ||
                         -distance >= problem.buffers[static_cast<std::size_t>(layer.pair.input)].bytes;
    return !isApart && distance % layer.pixelBytes != 0;
}

}  // namespace

void planCArena(CNetwork& network) {
    std::set<std::size_t> joined;
    ArenaProblem problem;
    ArenaPlan plan;
    for (bool isFound = false; !isFound;) {
        problem = arenaProblem(network, joined);
        plan = planArena(problem.buffers, problem.overlaps);
        isFound = true;
        for (const ArenaProblem::InPlace& layer : problem.inPlace) {
            if (isBroken(problem, layer, plan)) {
                joined.insert(layer.step);
                isFound = false;
            }
        }
    }
    const auto offset = [&](int buffer) {
        return buffer == kNone ? std::int64_t{kNone} : plan.offsets[static_cast<std::size_t>(buffer)];
    };
    for (const int buffer : problem.bufferOf) {
        network.tensorOffsets.push_back(offset(buffer));
    }
    for (const int buffer : problem.scratchOf) {
        network.scratchOffsets.push_back(offset(buffer));
    }
    network.footprint.arenaBytes = (plan.bytes + 3) / 4 * 4;
    network.arenaBuffers = std::move(problem.buffers);
    network.arenaPlan = std::move(plan);
}

}  // namespace bitlathe::core
