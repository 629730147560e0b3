#include "core/search/memory_driven.h"

#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kBitsPerByte = 8;

void validate(const MemoryDrivenOptions& options) {
    if (options.romLimitBytes < 0 || options.ramLimitBytes < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("memory limits must not be negative: ROM {} B, RAM {} B",
                                options.romLimitBytes, options.ramLimitBytes));
    }
    if (options.minBits < BitWidth::kMin || options.startBits > BitWidth::kMax ||
        options.minBits > options.startBits) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("bits {} down to {}: both must lie in 1..16, the start not below the end",
                                options.startBits, options.minBits));
    }
    if (!(options.delta >= 0)) {
        throw Error(ErrorCode::InvalidConfig, fmt::format("delta {} must not be negative", options.delta));
    }
}

class Search {
public:
    Search(std::span<const ChainLayer> chain, const MemoryDrivenOptions& options)
        : m_chain(chain), m_options(options) {
        const bool isPerChannel = options.mode == MemoryDrivenOptions::Mode::MixPC;
        for (const ChainLayer& layer : chain) {
            m_result.layers.push_back(
                {layer.id, options.startBits, options.startBits, options.startBits,
                 isPerChannel ? FoldScheme::PerChannelIcn : FoldScheme::PerLayerFolded});
        }
    }

    MemoryDrivenResult run() {
        m_result.isFeasible = m_chain.empty() || (cutActivations() && cutWeights());
        m_result.romBytes = static_cast<double>(romBits()) / kBitsPerByte;
        for (std::size_t i = 0; i < m_chain.size(); ++i) {
            m_result.peakRamBytes =
                std::max(m_result.peakRamBytes, static_cast<double>(ramBits(i)) / kBitsPerByte);
        }
        m_result.verdict = m_result.isFeasible ? fittingText() : brokenText();
        return std::move(m_result);
    }

private:
    enum class Direction { Forward, Backward };
    enum class Side { Input, Output };
    enum class Step { Fits, Refused, Infeasible };

    bool isFirst(std::size_t i) const { return i == 0; }
    bool isLast(std::size_t i) const { return i + 1 == m_chain.size(); }
    bool canCut(int bits) const { return bits / 2 >= m_options.minBits; }
    MemoryDrivenResult::Assignment& at(std::size_t i) { return m_result.layers[i]; }
    const MemoryDrivenResult::Assignment& at(std::size_t i) const { return m_result.layers[i]; }

    std::int64_t inputBits(std::size_t i) const { return m_chain[i].inputElements * at(i).inputBits; }
    std::int64_t outputBits(std::size_t i) const { return m_chain[i].outputElements * at(i).outputBits; }
    std::int64_t ramBits(std::size_t i) const { return inputBits(i) + outputBits(i); }

    std::int64_t romBits() const {
        std::int64_t bits = 0;
        for (std::size_t i = 0; i < m_chain.size(); ++i) {
            bits += m_chain[i].weights * at(i).weightBits +
                    kBitsPerByte * parameterBytes(at(i).scheme, m_chain[i].outputChannels, isLast(i));
        }
        return bits;
    }

    Side wantedCut(std::size_t i) const {
        if (isFirst(i) || isLast(i)) {
            return isFirst(i) ? Side::Output : Side::Input;
        }
        if (at(i).inputBits != at(i).outputBits) {
            return at(i).inputBits > at(i).outputBits ? Side::Input : Side::Output;
        }
        return inputBits(i) > outputBits(i) ? Side::Input : Side::Output;
    }

    /// Cuts until layer i fits or a cut is refused in this direction.
    Step settle(std::size_t i, Direction direction) {
        while (ramBits(i) > kBitsPerByte * m_options.ramLimitBytes) {
            const Side side = wantedCut(i);
            const int bits = side == Side::Input ? at(i).inputBits : at(i).outputBits;
            // A chain of one layer has the image and the logits only, which keep their bits.
            if (!canCut(bits) || (isFirst(i) && isLast(i))) {
                m_result.bindingLayer = static_cast<int>(i);
                m_result.brokenLimit = MemoryDrivenResult::Limit::Ram;
                return Step::Infeasible;
            }
            if ((side == Side::Output) != (direction == Direction::Forward)) {
                return Step::Refused;
            }
            const std::size_t maker = side == Side::Output ? i : i - 1;
            at(maker).outputBits = at(maker + 1).inputBits = bits / 2;
        }
        return Step::Fits;
    }

    bool cutActivations() {
        Direction direction = Direction::Forward;
        std::size_t i = 0;
        bool isSettled = false;  // so that a backward pass always follows the first
        while (true) {
            const Step step = settle(i, direction);
            if (step == Step::Infeasible) {
                return false;
            }
            isSettled = isSettled && step == Step::Fits;
            if (direction == Direction::Forward ? isLast(i) : isFirst(i)) {
                if (isSettled) {
                    return true;
                }
                direction = direction == Direction::Forward ? Direction::Backward : Direction::Forward;
                isSettled = true;
            } else {
                i = direction == Direction::Forward ? i + 1 : i - 1;
            }
        }
    }

    /// Index of the layer to cut; -1: none can be.
    int nextWeightCut() const {
        double total = 0;
        for (std::size_t i = 0; i < m_chain.size(); ++i) {
            total += weightBytes(i);
        }
        double largest = -1;
        for (std::size_t i = 0; i < m_chain.size(); ++i) {
            if (canCut(at(i).weightBits)) {
                largest = std::max(largest, weightBytes(i) / total);
            }
        }
        for (std::size_t i = 0; i < m_chain.size(); ++i) {
            if (canCut(at(i).weightBits) && weightBytes(i) / total > largest - m_options.delta) {
                return static_cast<int>(i);
            }
        }
        return -1;
    }
    double weightBytes(std::size_t i) const {
        return static_cast<double>(m_chain[i].weights * at(i).weightBits) / kBitsPerByte;
    }

    void switchCutLayersToIcn() {
        if (m_options.mode == MemoryDrivenOptions::Mode::MixPC) {
            return;
        }
        for (MemoryDrivenResult::Assignment& layer : m_result.layers) {
            if (layer.weightBits < m_options.startBits || layer.outputBits < m_options.startBits) {
                layer.scheme = FoldScheme::PerLayerIcn;
            }
        }
    }

    bool cutWeights() {
        while (romBits() > kBitsPerByte * m_options.romLimitBytes) {
            const int next = nextWeightCut();
            if (next < 0) {
                m_result.brokenLimit = MemoryDrivenResult::Limit::Rom;
                m_result.bindingLayer = heaviestLayer();
                return false;
            }
            at(static_cast<std::size_t>(next)).weightBits /= 2;
            m_result.weightCuts.push_back(next);
            switchCutLayersToIcn();
        }
        return true;
    }

    int heaviestLayer() const {
        std::size_t heaviest = 0;
        for (std::size_t i = 1; i < m_chain.size(); ++i) {
            heaviest = weightBytes(i) > weightBytes(heaviest) ? i : heaviest;
        }
        return static_cast<int>(heaviest);
    }

    std::string fittingText() const {
        return fmt::format("fits: ROM {:.0f} of {} B, RAM {:.0f} of {} B", std::ceil(m_result.romBytes),
                           m_options.romLimitBytes, std::ceil(m_result.peakRamBytes),
                           m_options.ramLimitBytes);
    }
    std::string brokenText() const {
        const auto i = static_cast<std::size_t>(m_result.bindingLayer);
        const std::string& name = m_chain[i].id.str();
        if (m_result.brokenLimit == MemoryDrivenResult::Limit::Ram) {
            const auto needed =
                static_cast<std::int64_t>(std::ceil(static_cast<double>(ramBits(i)) / kBitsPerByte));
            return fmt::format(
                "does not fit: layer {} needs {} B of RAM with input at {} and output at {} bits, "
                "{} B over the limit of {} B, and can be cut no further",
                name, needed, at(i).inputBits, at(i).outputBits, needed - m_options.ramLimitBytes,
                m_options.ramLimitBytes);
        }
        const auto needed = static_cast<std::int64_t>(std::ceil(m_result.romBytes));
        return fmt::format(
            "does not fit: with all weights cut as far as they go the model needs {} B of ROM, {} B over "
            "the limit of {} B; most of it in layer {} ({:.0f} B)",
            needed, needed - m_options.romLimitBytes, m_options.romLimitBytes, name, weightBytes(i));
    }

    std::span<const ChainLayer> m_chain;
    const MemoryDrivenOptions& m_options;
    MemoryDrivenResult m_result;
};

[[noreturn]] void noChain(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::UnsupportedOperator,
                "the memory-driven search works on chains of layers, and '" + name + "' " + why);
}

}  // namespace

std::vector<ChainLayer> chainOf(const PreparedModel& model) {
    const auto readers = model.graph.consumers();
    for (std::size_t id = 0; id < readers.size(); ++id) {
        if (readers[id].size() > 1) {
            noChain(model.graph.nodes[id].name,
                    "is read by " + std::to_string(readers[id].size()) + " others");
        }
    }
    std::vector<ChainLayer> chain;
    for (const Layer& layer : model.layers) {
        if (layer.inputNodes.size() != 1) {
            noChain(layer.id.str(), "reads " + std::to_string(layer.inputNodes.size()) + " tensors");
        }
        if (layer.hasWeights()) {
            chain.push_back({layer.id, layer.weightCount, layer.outputChannels, layer.inputElements,
                             layer.outputElements});
        }
    }
    return chain;
}

MemoryDrivenResult memoryDrivenBits(std::span<const ChainLayer> chain, const MemoryDrivenOptions& options) {
    validate(options);
    return Search(chain, options).run();
}

void applyBits(const MemoryDrivenResult& result, const PreparedModel& model, QuantConfig& config) {
    auto next = result.layers.begin();
    if (next != result.layers.end()) {
        config.input.bits = BitWidth(next->inputBits);
    }
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        if (next != result.layers.end() && next->layer == layer.id) {
            quant.weight.bits = BitWidth(next->weightBits);
            quant.weight.granularity.kind = next->scheme == FoldScheme::PerChannelIcn
                                                ? Granularity::Kind::Channel
                                                : Granularity::Kind::Tensor;
            quant.batchNorm =
                next->scheme == FoldScheme::PerLayerIcn ? BatchNormMode::Icn : BatchNormMode::Folded;
            quant.output.bits = BitWidth(next->outputBits);
            ++next;
        } else if (layer.isQuantizable) {
            // Between two layers of the chain, or behind the last.
            const int bits = next != result.layers.end() ? next->inputBits : result.layers.back().outputBits;
            quant.output.bits = BitWidth(bits);
        }
    }
}

}  // namespace bitlathe::core
