#include "core/search/memory_driven.h"

#include "core/types/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace bitlathe::core {

namespace {

constexpr std::int64_t kBitsPerByte = 8;

void validate(const MemoryDrivenOptions& options) {
    if (options.romLimitBytes < 0 || options.ramLimitBytes < 0) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("memory limits must not be negative: ROM {} B, RAM {} B",
                                options.romLimitBytes, options.ramLimitBytes));
    }
    if (!(options.delta >= 0)) {
        throw Error(ErrorCode::InvalidConfig, fmt::format("delta {} must not be negative", options.delta));
    }
}

/// What the rules look at: layers with weights, tensors, and which of them each step keeps in memory.
struct Problem {
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

class Search {
public:
    Search(const Problem& problem, const MemoryDrivenOptions& options)
        : m_problem(problem), m_options(options) {
        const bool isPerChannel = options.mode == MemoryDrivenOptions::Mode::MixPC;
        for (const Problem::Tensor& tensor : problem.tensors) {
            m_bits.push_back(tensor.isFixed ? options.bits.edge : options.bits.activations.front());
        }
        for (const Problem::Weights& layer : problem.weights) {
            m_result.layers.push_back(
                {layer.layer, options.bits.weights.front(), 0, 0,
                 isPerChannel ? FoldScheme::PerChannelIcn : FoldScheme::PerLayerFolded});
        }
    }

    MemoryDrivenResult run() {
        m_result.isFeasible = m_problem.steps.empty() || (cutActivations() && cutWeights());
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            m_result.layers[i].inputBits = bits(m_problem.weights[i].input);
            m_result.layers[i].outputBits = bits(m_problem.weights[i].output);
        }
        for (std::size_t t = 0; t < m_bits.size(); ++t) {
            m_result.activations.push_back({m_problem.tensors[t].site, m_bits[t]});
        }
        m_result.romBytes = static_cast<double>(romBits()) / kBitsPerByte;
        for (const Problem::Step& step : m_problem.steps) {
            m_result.peakRamBytes =
                std::max(m_result.peakRamBytes, static_cast<double>(ramBits(step)) / kBitsPerByte);
        }
        m_result.verdict = m_result.isFeasible ? fittingText() : brokenText();
        return std::move(m_result);
    }

private:
    enum class Direction { Forward, Backward };
    enum class Outcome { Fits, Refused, Infeasible };

    int bits(int tensor) const { return m_bits[static_cast<std::size_t>(tensor)]; }
    static int below(const std::vector<int>& widths, int width) {
        const auto next = std::find_if(widths.begin(), widths.end(), [&](int w) { return w < width; });
        return next == widths.end() ? 0 : *next;  // 0: no further
    }

    std::int64_t termBits(const SearchStep::Term& term) const {
        const std::int64_t exact = term.elements * bits(term.site);
        return m_problem.areBytesWhole ? (exact + kBitsPerByte - 1) / kBitsPerByte * kBitsPerByte : exact;
    }
    std::int64_t ramBits(const Problem::Step& step) const {
        return std::accumulate(step.terms.begin(), step.terms.end(), step.fixedBytes * kBitsPerByte,
                               [&](std::int64_t sum, const auto& term) { return sum + termBits(term); });
    }

    std::int64_t weightBits(std::size_t i) const {
        const std::int64_t exact = m_problem.weights[i].count * m_result.layers[i].weightBits;
        return m_problem.areBytesWhole ? (exact + kBitsPerByte - 1) / kBitsPerByte * kBitsPerByte : exact;
    }
    std::int64_t romBits() const {
        std::int64_t sum = kBitsPerByte * m_problem.otherRomBytes;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            const Problem::Weights& layer = m_problem.weights[i];
            sum += weightBits(i) +
                   kBitsPerByte * parameterBytes(m_result.layers[i].scheme, layer.channels, layer.isLogits);
        }
        return sum;
    }

    /// The tensor a step over its limit wants cut; -1: none may be.
    int wantedCut(const Problem::Step& step) const {
        std::map<int, std::int64_t> bytesOf;  // a tensor may have several terms (a pooled copy)
        for (const SearchStep::Term& term : step.terms) {
            bytesOf[term.site] += termBits(term);
        }
        int wanted = -1;
        for (const auto& [tensor, bytes] : bytesOf) {
            if (m_problem.tensors[static_cast<std::size_t>(tensor)].isFixed) {
                continue;
            }
            const bool isWider = wanted >= 0 && bits(tensor) > bits(wanted);
            const bool isBigger = wanted >= 0 && bits(tensor) == bits(wanted) && bytes > bytesOf[wanted];
            const bool isOutput = wanted >= 0 && bits(tensor) == bits(wanted) && bytes == bytesOf[wanted] &&
                                  tensor == step.output;
            wanted = wanted < 0 || isWider || isBigger || isOutput ? tensor : wanted;
        }
        return wanted;
    }

    /// Cuts until a step fits or a cut is refused in this direction.
    Outcome settle(const Problem::Step& step, Direction direction) {
        while (ramBits(step) > kBitsPerByte * m_options.ramLimitBytes) {
            const int tensor = wantedCut(step);
            const int next = tensor < 0 ? 0 : below(m_options.bits.activations, bits(tensor));
            if (next == 0) {
                m_binding = &step;
                m_result.bindingLayer = step.layerIndex;
                m_result.brokenLimit = MemoryDrivenResult::Limit::Ram;
                return Outcome::Infeasible;
            }
            if ((tensor == step.output) != (direction == Direction::Forward)) {
                return Outcome::Refused;
            }
            m_bits[static_cast<std::size_t>(tensor)] = next;
            m_result.activationCuts.push_back(
                {m_problem.tensors[static_cast<std::size_t>(tensor)].site, next});
        }
        return Outcome::Fits;
    }

    bool cutActivations() {
        Direction direction = Direction::Forward;
        std::size_t i = 0;
        bool isSettled = false;  // so that a backward pass always follows the first
        while (true) {
            const Outcome outcome = settle(m_problem.steps[i], direction);
            if (outcome == Outcome::Infeasible) {
                return false;
            }
            isSettled = isSettled && outcome == Outcome::Fits;
            if (direction == Direction::Forward ? i + 1 == m_problem.steps.size() : i == 0) {
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

    bool canCut(std::size_t i) const {
        return below(m_options.bits.weights, m_result.layers[i].weightBits) > 0;
    }

    /// Index of the layer to cut; -1: none can be.
    int nextWeightCut() const {
        double total = 0;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            total += weightBytes(i);
        }
        double largest = -1;
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            if (canCut(i)) {
                largest = std::max(largest, weightBytes(i) / total);
            }
        }
        for (std::size_t i = 0; i < m_problem.weights.size(); ++i) {
            const double share = weightBytes(i) / total;  // the largest itself counts when delta is 0
            if (canCut(i) && (share > largest - m_options.delta || share == largest)) {
                return static_cast<int>(i);
            }
        }
        return -1;
    }
    double weightBytes(std::size_t i) const { return static_cast<double>(weightBits(i)) / kBitsPerByte; }

    void switchCutLayersToIcn() {
        if (m_options.mode == MemoryDrivenOptions::Mode::MixPC) {
            return;
        }
        for (std::size_t i = 0; i < m_result.layers.size(); ++i) {
            const bool isCut = m_result.layers[i].weightBits < m_options.bits.weights.front() ||
                               bits(m_problem.weights[i].output) < m_options.bits.activations.front();
            // The logits keep their bits whatever the rest starts with.
            const bool isFixed =
                m_problem.tensors[static_cast<std::size_t>(m_problem.weights[i].output)].isFixed;
            if (isCut && !(isFixed && m_result.layers[i].weightBits == m_options.bits.weights.front())) {
                m_result.layers[i].scheme = FoldScheme::PerLayerIcn;
            }
        }
    }

    bool cutWeights() {
        if (m_options.icnRule == MemoryDrivenOptions::IcnRule::Paper) {
            switchCutLayersToIcn();
        }
        while (romBits() > kBitsPerByte * m_options.romLimitBytes) {
            const int next = nextWeightCut();
            if (next < 0) {
                m_result.brokenLimit = MemoryDrivenResult::Limit::Rom;
                m_heaviest = heaviestLayer();
                m_result.bindingLayer = m_problem.weights[m_heaviest].layerIndex;
                return false;
            }
            int& width = m_result.layers[static_cast<std::size_t>(next)].weightBits;
            width = below(m_options.bits.weights, width);
            m_result.weightCuts.push_back(next);
            switchCutLayersToIcn();
        }
        return true;
    }

    std::size_t heaviestLayer() const {
        std::size_t heaviest = 0;
        for (std::size_t i = 1; i < m_problem.weights.size(); ++i) {
            heaviest = weightBytes(i) > weightBytes(heaviest) ? i : heaviest;
        }
        return heaviest;
    }

    std::string fittingText() const {
        return fmt::format("fits: ROM {:.0f} of {} B, RAM {:.0f} of {} B", std::ceil(m_result.romBytes),
                           m_options.romLimitBytes, std::ceil(m_result.peakRamBytes),
                           m_options.ramLimitBytes);
    }
    std::string brokenText() const {
        if (m_result.brokenLimit == MemoryDrivenResult::Limit::Ram) {
            const auto needed =
                static_cast<std::int64_t>(std::ceil(static_cast<double>(ramBits(*m_binding)) / kBitsPerByte));
            return fmt::format("does not fit: layer {} needs {} B of RAM with {}, {} B over the limit of {} "
                               "B, and can be cut "
                               "no further",
                               m_binding->layer.str(), needed, tensorsText(*m_binding),
                               needed - m_options.ramLimitBytes, m_options.ramLimitBytes);
        }
        const auto needed = static_cast<std::int64_t>(std::ceil(m_result.romBytes));
        return fmt::format(
            "does not fit: with all weights cut as far as they go the model needs {} B of ROM, {} B over "
            "the limit of {} B; most of it in layer {} ({:.0f} B)",
            needed, needed - m_options.romLimitBytes, m_options.romLimitBytes,
            m_problem.weights[m_heaviest].layer.str(), weightBytes(m_heaviest));
    }
    std::string tensorsText(const Problem::Step& step) const {
        std::string text;
        for (const SearchStep::Term& term : step.terms) {
            text += fmt::format("{}{} values of {} at {} bits", text.empty() ? "" : " and ", term.elements,
                                m_problem.tensors[static_cast<std::size_t>(term.site)].site.layer.str(),
                                bits(term.site));
        }
        return text;
    }

    const Problem& m_problem;
    const MemoryDrivenOptions& m_options;
    std::vector<int> m_bits;  ///< by tensor
    const Problem::Step* m_binding = nullptr;
    std::size_t m_heaviest = 0;
    MemoryDrivenResult m_result;
};

Problem problemOf(std::span<const ChainLayer> chain) {
    Problem problem;
    problem.tensors.push_back({{kInputLayer, SiteKind::Output}, true});
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const ChainLayer& layer = chain[i];
        const auto index = static_cast<int>(i);
        const bool isLast = i + 1 == chain.size();
        problem.tensors.push_back({{layer.id, SiteKind::Output}, isLast});
        problem.weights.push_back(
            {layer.id, layer.weights, layer.outputChannels, index, index + 1, index, isLast});
        problem.steps.push_back({index,
                                 layer.id,
                                 index + 1,
                                 0,
                                 {{index, layer.inputElements}, {index + 1, layer.outputElements}}});
    }
    return problem;
}

/// Marks every site as quantized; the rules choose the widths.
QuantConfig everythingQuantized(const PreparedModel& model, int bits) {
    QuantConfig config;
    config.input.bits = BitWidth(bits);
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        quant.weight.bits = quant.output.bits = BitWidth(bits);
    }
    return config;
}

class ModelProblem {
public:
    ModelProblem(const PreparedModel& model, const MemoryDrivenOptions& options, RamModel ramModel,
                 const ArenaRules& rules)
        : m_model(model), m_config(everythingQuantized(model, options.bits.edge)),
          m_space(searchSpace(model, m_config, options.bits, ramModel, nullptr,
                              SensitivityMeasure::KlDivergence, rules)) {}

    Problem run() {
        m_problem.areBytesWhole = true;
        addTensors();
        for (const SearchStep& step : m_space.steps) {
            Problem::Step own{step.layer,
                              m_space.layers[static_cast<std::size_t>(step.layer)],
                              step.output < 0 ? -1 : tensorOf(step.output),
                              step.fixedBytes,
                              {}};
            for (const SearchStep::Term& term : step.terms) {
                own.terms.push_back({tensorOf(term.site), term.elements});
            }
            m_problem.steps.push_back(std::move(own));
        }
        addWeights();
        return std::move(m_problem);
    }

private:
    int tensorOf(int site) const { return m_tensorOfSite.at(site); }
    int siteIndex(const SiteId& id) const {
        const auto found = std::find_if(m_space.sites.begin(), m_space.sites.end(),
                                        [&](const SearchSite& site) { return site.site == id; });
        return static_cast<int>(found - m_space.sites.begin());
    }

    int inputTensor(const Layer& layer) const {
        const auto site = m_model.siteOfTensor(layer.inputNodes.front());
        if (!site) {
            throw Error(
                ErrorCode::UnsupportedOperator,
                "layer '" + layer.id.str() +
                    "' reads a tensor that cannot be quantized; the search has no bits to choose for it");
        }
        return tensorOf(siteIndex(*site));
    }

    void addTensors() {
        for (std::size_t i = 0; i < m_space.sites.size(); ++i) {
            const SearchSite& site = m_space.sites[i];
            if (site.site.kind == SiteKind::Weight) {
                continue;
            }
            const bool isFixed =
                site.site.layer == kInputLayer || site.site == m_model.siteOfTensor(logitNode(m_model.graph));
            const Layer* const layer = m_model.findLayer(site.site.layer);
            const bool handsOn = layer != nullptr && !isFixed && !layer->hasWeights() &&
                                 layer->inputNodes.size() == 1 &&
                                 m_model.siteOfTensor(layer->inputNodes.front());
            if (handsOn) {
                // Its bits are those of what it reads, as the paper's pooled tensor shares the last layer's.
                m_tensorOfSite[static_cast<int>(i)] =
                    tensorOf(siteIndex(*m_model.siteOfTensor(layer->inputNodes.front())));
                continue;
            }
            m_tensorOfSite[static_cast<int>(i)] = static_cast<int>(m_problem.tensors.size());
            m_problem.tensors.push_back({site.site, isFixed});
        }
    }

    void addWeights() {
        const NodeId logits = logitNode(m_model.graph);
        m_problem.otherRomBytes = computeBudget(m_model, m_config).romBytes;
        for (const Layer& layer : m_model.layers) {
            if (!layer.hasWeights()) {
                continue;
            }
            const int input = inputTensor(layer);
            const int output = tensorOf(siteIndex({layer.id, SiteKind::Output}));
            const bool isLogits = layer.node == logits;
            m_problem.weights.push_back(
                {layer.id, layer.weightCount, layer.outputChannels, input, output, layer.index, isLogits});
            // What the budget counts for the layer beside: its own parameters are the rules' business.
            m_problem.otherRomBytes -=
                packedBytes(layer.weightCount, m_config.input.bits) +
                parameterBytes(FoldScheme::PerLayerFolded, layer.outputChannels, isLogits);
        }
    }

    const PreparedModel& m_model;
    QuantConfig m_config;
    SearchSpace m_space;
    std::map<int, int> m_tensorOfSite;
    Problem m_problem;
};

[[noreturn]] void noChain(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::UnsupportedOperator, "the model is no chain of layers: '" + name + "' " + why +
                                                    "; the search on the whole graph takes it");
}

void applyLayer(const MemoryDrivenResult::Assignment& found, LayerQuant& quant) {
    quant.weight.bits = BitWidth(found.weightBits);
    quant.weight.granularity.kind =
        found.scheme == FoldScheme::PerChannelIcn ? Granularity::Kind::Channel : Granularity::Kind::Tensor;
    quant.batchNorm = found.scheme == FoldScheme::PerLayerIcn ? BatchNormMode::Icn : BatchNormMode::Folded;
    quant.output.bits = BitWidth(found.outputBits);
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
    MemoryDrivenOptions sorted = options;
    sorted.bits.validate();
    const Problem problem = problemOf(chain);
    return Search(problem, sorted).run();
}

MemoryDrivenResult memoryDrivenBits(const PreparedModel& model, const MemoryDrivenOptions& options,
                                    RamModel ramModel, const ArenaRules& rules) {
    validate(options);
    MemoryDrivenOptions sorted = options;
    sorted.bits.validate();
    const Problem problem = ModelProblem(model, sorted, ramModel, rules).run();
    return Search(problem, sorted).run();
}

void applyBits(const MemoryDrivenResult& result, const PreparedModel& model, QuantConfig& config) {
    if (!result.activations.empty()) {
        config.input.bits = BitWidth(result.activations.front().bits);
    }
    std::map<LayerId, int> bitsOf;
    for (const MemoryDrivenResult::Activation& activation : result.activations) {
        bitsOf[activation.site.layer] = activation.bits;
    }
    auto next = result.layers.begin();
    for (const Layer& layer : model.layers) {
        LayerQuant& quant = config.layers[layer.id];
        if (next != result.layers.end() && next->layer == layer.id) {
            applyLayer(*next++, quant);
            continue;
        }
        if (!layer.isQuantizable) {
            continue;
        }
        const auto own = bitsOf.find(layer.id);
        const auto source = model.siteOfTensor(layer.inputNodes.front());
        if (own != bitsOf.end()) {
            quant.output.bits = BitWidth(own->second);
        } else if (source) {
            quant.output.bits = config.site(*source).bits;  // handed on
        }
    }
}

}  // namespace bitlathe::core
